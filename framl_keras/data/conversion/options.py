"""What a conversion is asked to do."""

from dataclasses import dataclass
from pathlib import Path

FORMATS = ("tfrecord", "arrayrecord")
_RECORDS_IN_SHARD = 1 << 16  # an ArrayRecord file cannot be continued, so it stays small


@dataclass(frozen=True)
class ConvertOptions:
    """How records are written.

    Attributes:
        format: `tfrecord` or `arrayrecord`.
        online: store the images' paths, not the images.
        shards: number of files; None is one for TFRecord, enough for ArrayRecord.
        jobs: threads that read and encode.
        resize: side in pixels that images are stretched to; None leaves them as they are.
        seed: decides the order.
        on_error: `raise` stops at an image that cannot be read, `skip` leaves it out.
    """

    format: str = "tfrecord"
    online: bool = False
    shards: int | None = None
    jobs: int = 1
    resize: int | None = None
    seed: int = 0
    on_error: str = "raise"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"`format` must be one of {FORMATS}. Received: {self.format!r}")
        if self.online and self.resize:
            raise ValueError("`resize` changes images, but `online` stores only their paths.")

    def shard_count(self, records: int) -> int:
        """How many files hold that many records; never more than there are records."""
        if self.shards is not None:
            return max(1, min(self.shards, records))
        return 1 if self.format == "tfrecord" else -(-records // _RECORDS_IN_SHARD)


def format_for(destination: Path) -> str:
    """The format that a file's name asks for."""
    return "arrayrecord" if destination.suffix == ".arrayrecord" else "tfrecord"
