"""Finds what test data share with training data: images and identities."""

from framl_keras.data.auditing.audit import AuditReport, Match, audit, format_audit
from framl_keras.data.auditing.tested import TestImages, open_test_images

__all__ = ["AuditReport", "Match", "TestImages", "audit", "format_audit", "open_test_images"]
