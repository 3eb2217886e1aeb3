"""The audit for people to read."""

from framl_keras.data.auditing.audit import AuditReport

_LISTED = 20


def format_audit(report: AuditReport) -> str:
    """A few lines, the first matches among them."""
    part = report.leaked / max(report.test_images, 1)
    lines = [
        f"{report.test_images:,} test images against {report.train_images:,} training images: "
        f"{report.leaked:,} ({part:.2%}) are in the training data",
        *_matches(report),
        _names(report),
    ]
    if report.unreadable:
        lines.append(f"{len(report.unreadable):,} images could not be compared, the first:")
        lines.append(f"  {report.unreadable[0]}")
    return "\n".join(lines)


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
