"""Looks a training source over: counts, damage, duplicates, sizes, speed, a contact sheet."""

from framl_keras.data.checking.check import check_source
from framl_keras.data.checking.contact_sheet import save_contact_sheet
from framl_keras.data.checking.report import CheckReport, format_report

__all__ = ["CheckReport", "check_source", "format_report", "save_contact_sheet"]
