package dataset

import (
	"fmt"
	"math"
	"strings"
)

// synthDrug is a drug of the synthetic item list.
type synthDrug struct {
	ingredient, atc, lv, dx string // dx: the chronic disease it is taken for, "" for acute drugs
	chargeType              string
}

// synthDrugs are real ingredients with their ATC codes (WHO index); the chronic
// ones first, each group by falling frequency. Item codes are made up.
func synthDrugs() []synthDrug {
	const western, patent = "09", "11"
	return []synthDrug{
		{"amlodipine", "C08CA01", "A", "I10", western}, {"metformin", "A10BA02", "A", "E11.9", western},
		{"atorvastatin", "C10AA05", "B", "E78.5", western}, {"aspirin", "B01AC06", "A", "I25.1", western},
		{"valsartan", "C09CA03", "B", "I10", western}, {"insulin glargine", "A10AE04", "B", "E11.9", western},
		{"metoprolol", "C07AB02", "A", "I10", western}, {"rosuvastatin", "C10AA07", "B", "E78.5", western},
		{"nifedipine", "C08CA05", "A", "I10", western}, {"acarbose", "A10BF01", "B", "E11.9", western},
		{"clopidogrel", "B01AC04", "B", "I25.1", western}, {"glimepiride", "A10BB12", "B", "E11.9", western},
		{"losartan", "C09CA01", "B", "I10", western}, {"salbutamol", "R03AC02", "A", "J45.9", western},
		{"simvastatin", "C10AA01", "A", "E78.5", western}, {"budesonide and formoterol", "R03AK07", "B", "J44.9", western},
		{"levothyroxine sodium", "H03AA01", "A", "E03.9", western}, {"isosorbide mononitrate", "C01DA14", "A", "I25.1", western},
		{"sitagliptin", "A10BH01", "B", "E11.9", western}, {"tamsulosin", "G04CA02", "B", "N40", western},
		{"allopurinol", "M04AA01", "A", "M10.9", western}, {"perindopril", "C09AA04", "B", "I10", western},
		{"tiotropium bromide", "R03BB04", "B", "J44.9", western}, {"insulin aspart", "A10AB05", "B", "E11.9", western},
		{"escitalopram", "N06AB10", "B", "F32.9", western}, {"febuxostat", "M04AA03", "B", "M10.9", western},
		{"montelukast", "R03DC03", "B", "J45.9", western}, {"levetiracetam", "N03AX14", "B", "G40.9", western},
		{"alendronic acid", "M05BA04", "B", "M81.9", western}, {"olanzapine", "N05AH03", "A", "F20.9", western},
		{"methotrexate", "L04AX03", "A", "M06.9", western}, {"indapamide", "C03BA11", "A", "I10", western},
		{"amoxicillin", "J01CA04", "A", "", western}, {"omeprazole", "A02BC01", "A", "", western},
		{"ibuprofen", "M01AE01", "A", "", western}, {"cefuroxime", "J01DC02", "B", "", western},
		{"ambroxol", "R05CB06", "A", "", western}, {"paracetamol", "N02BE01", "A", "", western},
		{"azithromycin", "J01FA10", "A", "", western}, {"loratadine", "R06AX13", "A", "", western},
		{"levofloxacin", "J01MA12", "A", "", western}, {"domperidone", "A03FA03", "A", "", western},
		{"diclofenac", "M01AB05", "A", "", western}, {"oseltamivir", "J05AH02", "B", "", western},
		{"dexamethasone", "H02AB02", "A", "", western}, {"ceftriaxone", "J01DD04", "A", "", western},
		{"banlangen", "", "A", "", patent}, {"lianhua qingwen", "", "A", "", patent},
		{"xuesaitong", "", "B", "", patent}, {"compound danshen", "", "A", "", patent},
	}
}

// synthChronic is the number of chronic drugs at the head of synthDrugs.
func synthChronic() int {
	n := 0
	for _, d := range synthDrugs() {
		if d.dx != "" {
			n++
		}
	}
	return n
}

// synthDiagnoses are ICD-10 codes of outpatient visits and stays, by falling
// frequency.
func synthDiagnoses() []string {
	return strings.Fields(`J06.9 I10 K29.7 J20.9 M54.5 E11.9 J02.9 K04.7 N39.0 I25.1 J18.9 M17.9 L30.9 R51 H10.9
		K02.9 J30.4 I63.9 M47.8 K52.9 R10.4 N76.0 E78.5 J44.9 H52.1 K80.2 S93.4 R42 B34.9 L50.9 I20.0 K21.9 N20.0
		C34.9 E04.9 D50.9 I50.9 G47.0 F41.9 C50.9 J45.9 K35.8 M51.2 S52.5 N18.9 C16.9 D25.9 K40.9 H25.9 C18.9
		I48 N40 M10.9 E03.9 K74.6 C22.0 G40.9 A09 F32.9 M81.9 S72.0 I61.9 N92.0 M06.9`)
}

// synthProcedures are ICD-9-CM-3 codes of operations, by falling frequency.
func synthProcedures() []string {
	return strings.Fields(`51.23 47.01 74.1 13.41 81.54 36.07 45.23 79.36 53.05 68.49 85.21 06.39 81.51 43.41 57.49
		03.09 32.41 60.29 45.73 50.22 88.56 99.25 39.95 55.03 37.22 20.01 21.69 28.2 80.51 78.67`)
}

// synthGroups are DRG codes in the form of CHS-DRG, by falling frequency.
func synthGroups() []string {
	return strings.Fields(`ES23 FR23 BR23 ET23 GZ13 KS13 IU23 OC13 HC23 GD25 FM13 CB39 IB29 LL13 DT13 RE15 GE15 NC15
		IC29 JA25 FK29 AE19 BB29 EJ13 HZ23 MS13 PU13 RA19 WZ13 XR23`)
}

// Regions lists the administrative divisions of the synthetic population: three
// for each of the 31 provinces of the mainland.
func Regions() []string {
	var out []string
	for _, p := range synthProvinces() {
		for _, c := range []string{"01", "02", "03"} {
			out = append(out, p.code+c+"00")
		}
	}
	return out
}

type synthProvince struct {
	code   string
	weight float64 // million people, roughly
}

func synthProvinces() []synthProvince {
	return []synthProvince{
		{"11", 22}, {"12", 14}, {"13", 75}, {"14", 35}, {"15", 24}, {"21", 42}, {"22", 24}, {"23", 31},
		{"31", 25}, {"32", 85}, {"33", 65}, {"34", 61}, {"35", 42}, {"36", 45}, {"37", 102}, {"41", 99},
		{"42", 58}, {"43", 66}, {"44", 126}, {"45", 50}, {"46", 10}, {"50", 32}, {"51", 84}, {"52", 39},
		{"53", 47}, {"54", 4}, {"61", 40}, {"62", 25}, {"63", 6}, {"64", 7}, {"65", 26},
	}
}

// slots is the size of the wheels that weighted choices are read from: 10 bits
// of a hash pick a slot.
const slots = 1024

// wheel gives each index of weights its share of the slots, as an SQL list;
// every index has at least one.
func wheel(weights []float64) string {
	var total float64
	for _, w := range weights {
		total += w
	}
	out := make([]string, 0, slots)
	free, left := slots-len(weights), total
	for i, w := range weights {
		n := 0
		if left > 0 {
			n = int(math.Round(float64(free) * w / left))
		}
		free, left = free-n, left-w
		for range n + 1 {
			out = append(out, fmt.Sprint(i+1))
		}
	}
	return "[" + strings.Join(out, ",") + "]"
}

// zipf are the weights of n ranks: 1/(rank + 2).
func zipf(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1 / float64(i+3)
	}
	return w
}

// agePyramid are shares of five-year age bands from 0-4 to 90-94.
func agePyramid() []float64 {
	return []float64{5.6, 5.4, 5.2, 5.3, 6.6, 9.0, 7.7, 7.1, 8.1, 8.9, 8.4, 5.9, 5.7, 4.2, 2.8, 2.0, 1.3, .6, .2}
}

func sqlStrings(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = quote(s)
	}
	return "[" + strings.Join(q, ",") + "]"
}
