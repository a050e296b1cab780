"""The kinds of problems that a server answers with, one class for each.

The second half are those of a coordinator of training, which nodes talk to.
"""

from __future__ import annotations

from .errors import Problem


class InternalError(Problem):
    """The server failed."""

    name = "internal"
    next_step = (
        "It is not known what happened; the same call with the same idempotency_key is "
        "charged once at most. If it stays, tell the authority."
    )
    charged = None


class ClockError(Problem):
    """The domain does not believe its clock."""

    name = "clock"
    next_step = "Wait until the authority has put it right, and ask again."


class NoLogKey(Problem):
    """The key that signs the log is not there."""

    name = "no-log-key"
    next_step = "Wait until the authority has put it back, and ask again."


class NoWitness(Problem):
    """The witnesses of the log are out of reach."""

    name = "no-witness"
    next_step = "Ask again in a while: the domain charges nothing without them."


class NotMet(Problem):
    """The domain takes nothing before those who know the end of its log were met."""

    name = "not-met"
    next_step = "Ask again in a while: the domain was started and awaits its witnesses."


class Unavailable(Problem):
    """The server cannot do this now."""

    name = "unavailable"
    next_step = "Ask again in a while, with the same idempotency_key if there was one."
    charged = None


class NoSnapshot(Problem):
    """The domain has no data yet."""

    name = "no-snapshot"
    next_step = "Ask the data steward when data are loaded."


class Busy(Problem):
    """The server did not take the request in time."""

    name = "busy"
    next_step = "Ask again with the same idempotency_key: it is charged once at most."
    charged = None


class EngineBusy(Problem):
    """Too many requests are running."""

    name = "engine-busy"
    next_step = "Ask again in a while."


class TooManyInFlight(Problem):
    """Too many of your requests wait for their answers."""

    name = "too-many-in-flight"
    next_step = "Wait for one of them (client.history() lists them), and ask again."


class Unauthenticated(Problem):
    """The credential is missing, unknown or expired."""

    name = "unauthenticated"
    next_step = "Ask the authority for a token (qunxiang token add), or start the demo again."


class CrossOrigin(Problem):
    """The request seems to come from another site's page."""

    name = "cross-origin"
    next_step = "Programs send no Origin header: look for a proxy that adds one."


class Refused(Problem):
    """The policy does not allow it; the rule is in .rule."""

    name = "refused"
    next_step = (
        "Look at the template's audiences and purposes, and ask the data steward for a grant."
    )


class BudgetExhausted(Problem):
    """A privacy budget does not suffice; .scope and .rho_left say which."""

    name = "budget-exhausted"
    next_step = (
        "Ask with less accuracy or a lower cost, for other years, or for an answer that is "
        "stored: that is free."
    )


class TemplateSuspended(Problem):
    """The template version is suspended."""

    name = "template-suspended"
    next_step = "Wait for the data steward, or take another template."


class UnknownTemplate(Problem):
    """There is no such template."""

    name = "unknown-template"
    next_step = "client.templates() lists what there is."


class UnknownRequest(Problem):
    """There is no such request or release, or it is another's."""

    name = "unknown-request"
    next_step = "client.history() lists your own."
    charged = None


class NotDue(Problem):
    """The answer is not due yet; .due says when."""

    name = "not-due"
    next_step = "Wait until then: client.wait(id), or client.release(id) later."
    charged = None


class Finished(Problem):
    """The request is released or abandoned already."""

    name = "finished"
    next_step = "client.release(id) fetches the answer."
    charged = None


class Abandoned(Problem):
    """The request was charged and will never be answered."""

    name = "abandoned"
    next_step = (
        "It is not run again by itself. Asking anew is a new charge; tell the data steward if "
        "it happens twice."
    )
    charged = True


class ParameterRefused(Problem):
    """A parameter is missing, unknown or out of its limits."""

    name = "parameter"
    next_step = "client.template(id) says what it takes."


class AccuracyRefused(Problem):
    """The accuracy or cost cannot be had."""

    name = "accuracy"
    next_step = 'Give accuracy=["5% at 1000"] or cost=0.1, not both; client.estimate(...) is free.'


class QuestionRefused(Problem):
    """The question cannot be priced."""

    name = "question"
    next_step = "Ask for fewer groups or a shorter window."


class MostlyEmpty(Problem):
    """Most groups would be too small to be shown."""

    name = "mostly-empty"
    next_step = (
        "Ask with coarse=True, a longer window or a higher cost, or buy it all the same with "
        "allow_empty=True."
    )


class PriceRefused(Problem):
    """The answer costs more now than was agreed to."""

    name = "price"
    next_step = "Look at client.estimate(...) again, and ask at the new price if you agree to it."


class IdempotencyRefused(Problem):
    """The idempotency key was used for another request."""

    name = "idempotency-key"
    next_step = "Leave idempotency_key out for a new question."


class Duplicate(Problem):
    """The same request is being taken."""

    name = "duplicate"
    next_step = "Ask again with the same idempotency_key."
    charged = None


class Malformed(Problem):
    """The body is no acceptable JSON."""

    name = "malformed"
    next_step = "This package should not send such a body: report it."


class ValidationFailed(Problem):
    """The request has not the right form; .errors says where."""

    name = "validation"
    next_step = "Compare client.template(id) with what was asked."


class TooLarge(Problem):
    """The request is too large."""

    name = "too-large"
    next_step = "Ask for fewer groups or codes."


class MediaType(Problem):
    """The body must be JSON."""

    name = "media-type"
    next_step = "Look for a proxy that changes the Content-Type header."


class NotAcceptable(Problem):
    """The server does not hand out this format."""

    name = "not-acceptable"
    next_step = "Take csv, arrow or parquet, or make the file from release.table()."
    charged = None


class NoSuchRoute(Problem):
    """The server has no such address."""

    name = "no-such-route"
    next_step = "Compare the versions of server and package, and the server's address."
    charged = None


class NoSuchMethod(Problem):
    """The server does not do this there."""

    name = "no-such-method"
    next_step = "Compare the versions of server and package."
    charged = None


class CertificateRefused(Problem):
    """The client certificate is not accepted."""

    name = "client-certificate"
    next_step = "Ask the authority which certificate it has pinned."


class TooManyRepeats(Problem):
    """Stored answers were asked for too often."""

    name = "too-many-repeats"
    next_step = (
        "client.release(id) fetches an answer that you have, without a further leaf of the log."
    )


class TooManyRequests(Problem):
    """Your organisation sends too many requests."""

    name = "too-many-requests"
    next_step = "Wait a little and ask again."


class TooManyStreams(Problem):
    """Too many event streams are open."""

    name = "too-many-streams"
    next_step = "Close some of them."
    charged = None


class UnknownTile(Problem):
    """The published log has no such tile, or not yet."""

    name = "unknown-tile"
    next_step = "Fetch the checkpoint again: it says how long the log is."
    charged = None


class TrainingProblem(Problem):
    """A problem of a coordinator of training. A node settles it by itself."""

    next_step = "This is between a node and its coordinator: see qunxiang node --help."
    charged = None


class JobCardRefused(TrainingProblem):
    """See the title and the detail."""

    name = "job-card"


class StatementRefused(TrainingProblem):
    """See the title and the detail."""

    name = "statement"


class NotTaken(TrainingProblem):
    """See the title and the detail."""

    name = "not-taken"


class ItemMalformed(TrainingProblem):
    """See the title and the detail."""

    name = "item-malformed"


class SumMalformed(TrainingProblem):
    """See the title and the detail."""

    name = "sum-malformed"


class SumOrder(TrainingProblem):
    """See the title and the detail."""

    name = "sum-order"


class SumRoster(TrainingProblem):
    """See the title and the detail."""

    name = "sum-roster"


class SumContext(TrainingProblem):
    """See the title and the detail."""

    name = "sum-context"


class SumSignature(TrainingProblem):
    """See the title and the detail."""

    name = "sum-signature"


class SumEvidence(TrainingProblem):
    """See the title and the detail."""

    name = "sum-evidence"


class SumCommitment(TrainingProblem):
    """See the title and the detail."""

    name = "sum-commitment"


class RequestSignature(TrainingProblem):
    """See the title and the detail."""

    name = "request-signature"


class NotAMember(TrainingProblem):
    """See the title and the detail."""

    name = "not-a-member"


class UnknownJob(TrainingProblem):
    """See the title and the detail."""

    name = "unknown-job"


class EnrolmentRefused(TrainingProblem):
    """See the title and the detail."""

    name = "enrolment"


class UnknownEnrolment(TrainingProblem):
    """See the title and the detail."""

    name = "unknown-enrolment"


class NameEnrolled(TrainingProblem):
    """See the title and the detail."""

    name = "name-enrolled"


class FingerprintDiffers(TrainingProblem):
    """See the title and the detail."""

    name = "fingerprint"


class TooManyEnrolments(TrainingProblem):
    """See the title and the detail."""

    name = "too-many-enrolments"


ALL: dict[str, type[Problem]] = {
    kind.name: kind
    for kind in (
        InternalError,
        ClockError,
        NoLogKey,
        NoWitness,
        NotMet,
        Unavailable,
        NoSnapshot,
        Busy,
        EngineBusy,
        TooManyInFlight,
        Unauthenticated,
        CrossOrigin,
        Refused,
        BudgetExhausted,
        TemplateSuspended,
        UnknownTemplate,
        UnknownRequest,
        NotDue,
        Finished,
        Abandoned,
        ParameterRefused,
        AccuracyRefused,
        QuestionRefused,
        MostlyEmpty,
        PriceRefused,
        IdempotencyRefused,
        Duplicate,
        Malformed,
        ValidationFailed,
        TooLarge,
        MediaType,
        NotAcceptable,
        NoSuchRoute,
        NoSuchMethod,
        CertificateRefused,
        TooManyRepeats,
        TooManyRequests,
        TooManyStreams,
        UnknownTile,
        JobCardRefused,
        StatementRefused,
        NotTaken,
        ItemMalformed,
        SumMalformed,
        SumOrder,
        SumRoster,
        SumContext,
        SumSignature,
        SumEvidence,
        SumCommitment,
        RequestSignature,
        NotAMember,
        UnknownJob,
        EnrolmentRefused,
        UnknownEnrolment,
        NameEnrolled,
        FingerprintDiffers,
        TooManyEnrolments,
    )
}
