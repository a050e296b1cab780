package queries

// FeatureDescription is a feature template as the author of a job card sees it:
// everything but the SQL.
type FeatureDescription struct {
	Template      string            `json:"template"`
	Catalogue     string            `json:"catalogue"`
	Digest        string            `json:"digest"`
	Title         Text              `json:"title"`
	Description   Text              `json:"description"`
	Purposes      []string          `json:"purposes"`
	Parameters    []DescribedParam  `json:"parameters"`
	Row           Text              `json:"row"`
	RowsPerPerson int               `json:"rows_per_person"`
	Columns       []DescribedColumn `json:"columns"`
	Notes         []Text            `json:"notes"`
}

// DescribedColumn is a number in Unit with its Range, a factor with its Levels, or
// a factor for each list that the parameter Lists chooses.
type DescribedColumn struct {
	Role     string    `json:"role"`
	Name     string    `json:"name"`
	Unit     string    `json:"unit,omitempty"`
	Range    []float64 `json:"range,omitempty"`
	Levels   []string  `json:"levels,omitempty"`
	CodeList string    `json:"code_list,omitempty"`
	Lists    string    `json:"lists,omitempty"`
}

// DescribeFeatures tells what a job card may name. The template must be one of
// features.
func (t *Template) DescribeFeatures() FeatureDescription {
	q := t.Describe()
	d := FeatureDescription{
		Template: q.Template, Catalogue: q.Catalogue, Digest: q.Digest, Title: q.Title, Description: q.Description,
		Purposes: q.Purposes, Parameters: q.Parameters, Notes: q.Notes,
	}
	f := t.Features
	if f == nil {
		return d
	}
	d.Row, d.RowsPerPerson = f.Row, f.RowsPerPerson
	add := func(role string, c *FeatureColumn) {
		if c != nil {
			d.Columns = append(d.Columns, DescribedColumn{role, c.Name, c.Unit, c.Range, c.Levels, c.CodeList, c.Lists})
		}
	}
	add(RoleResponse, &f.Response)
	add(RoleExposure, f.Exposure)
	add(RoleWeight, f.Weight)
	for i := range f.Columns {
		add(RoleFeature, &f.Columns[i])
	}
	return d
}
