import pytest
from small_faces import PEOPLE, encoded

from framl_keras.data.conversion import ConvertOptions, convert
from framl_keras.data.sources import ImageFolder


@pytest.fixture(scope="session")
def face_folder(tmp_path_factory):
    """Four people of three images each: JPEG, PNG and BMP."""
    root = tmp_path_factory.mktemp("faces")
    for label, person in enumerate(PEOPLE):
        for number, suffix in enumerate((".jpg", ".png", ".bmp")):
            path = root / person / f"{number}{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encoded([label, number], suffix))
    return root


@pytest.fixture
def converted(face_folder, tmp_path):
    """Converts the folder of faces and gives the file or the shards' common name."""

    def write(name="faces.tfrecord", **options):
        path = tmp_path / name
        convert(ImageFolder(face_folder), path, ConvertOptions(**options))
        return path

    return write
