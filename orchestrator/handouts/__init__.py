"""What participants hold in their hands: printed cards, a table of the same, and a guide page without secrets."""

from orchestrator.handouts.folder import write_handouts
from orchestrator.handouts.values import GuideModel, Handout, Written

__all__ = ["GuideModel", "Handout", "Written", "write_handouts"]
