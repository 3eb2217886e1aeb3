"""The audit for people to read."""

from framl_keras.data.auditing.audit import AuditReport

_LISTED = 20


def format_audit(report: AuditReport) -> str:
    """A few lines, the first matches among them."""
    compared = report.test_images - report.test_unreadable
    lines = [_shared(report, compared), *_matches(report), _names(report)]
    if report.unreadable:
        others = len(report.unreadable) - report.test_unreadable
        lines.append(
            f"incomplete: {report.test_unreadable:,} of {report.test_images:,} test images and "
            f"{others:,} of {report.train_images:,} training images could not be read, so whether "
            "they are shared is not known; the first:"
        )
        lines.append(f"  {report.unreadable[0]}")
    return "\n".join(lines)


def _shared(report: AuditReport, compared: int) -> str:
    """How many test images are known to be in the training data."""
    if not compared:
        return f"none of {report.test_images:,} test images could be compared"
    return (
        f"{compared:,} test images against {report.train_images:,} training images: "
        f"{report.leaked:,} ({report.leaked / compared:.2%}) are in the training data"
    )


def _matches(report: AuditReport) -> list[str]:
    lines = [
        f"  {match.kind}: {match.test} = {match.train} ({match.bits} of 256 bits differ, "
        f"correlation {match.correlation:.3f})"
        for match in report.matches[:_LISTED]
    ]
    more = len(report.matches) - _LISTED
    return [*lines, f"  … and {more:,} more (all in --json)"] if more > 0 else lines


def _names(report: AuditReport) -> str:
    if not report.names_known:
        return "identities: the test data do not name them"
    if not report.identities:
        return "identities: no name is in both"
    shown = ", ".join(report.identities[:_LISTED])
    return f"identities: {len(report.identities):,} names are in both: {shown}"
