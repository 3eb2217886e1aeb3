"""Tables as people have them: which columns are meant, and that none is guessed wrongly."""

import pytest
from small_faces import encoded

from framl_keras.cli import main
from framl_keras.data.pairs import open_pairs
from framl_keras.data.sources import ImageList, open_source
from framl_keras.errors import UserError

ROWS = (("1.jpg", "p10"), ("sub/2.jpg", "p9"), ("3.jpg", "p10"))


@pytest.fixture
def folder(tmp_path):
    for number, (name, _) in enumerate(ROWS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded(number))
    return tmp_path


def lines(*header, separator=",", rows=ROWS):
    """Rows with a column between path and label, and one after it."""
    text = "".join(f"{separator.join((path, 'x', label, '7'))}\n" for path, label in rows)
    return "".join(f"{line}\n" for line in header) + text


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
READ = {
    "no names": "".join(f"{a},{b}\n" for a, b in ROWS),
    "names": lines("image,species,label,n"),
    "upper case": lines("IMAGE,species,Label,n"),
    "semicolons": lines("image;species;label;n", separator=";"),
    "tabs": lines("image\tspecies\tlabel\tn", separator="\t"),
    "comments": lines("# made by hand", "#", "image,species,label,n", "#1.jpg,x,p10,7"),
    "commented names": lines("# image,species,label,n"),
    "quoted": lines('"image","species","label","n"').replace("p9", '"p9"'),
    "quoted separators": lines('image,"a,b;c",label,n').replace("x", '"x,\ny;"'),
    "commas within semicolons": lines("image;species,x;label;n", separator=";"),
    "blank lines": lines("", "image,species,label,n", ""),
    "carriage returns": lines("image,species,label,n").replace("\n", "\r\n"),
    "more columns without a name": lines("image,species,label"),
}


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_tables_that_say_what_they_mean_are_read(folder, kind, encoding):
    (folder / "t.csv").write_bytes(READ[kind].encode(encoding))
    source = open_source(str(folder / "t.csv"))
    assert (source.class_names, source.labels.tolist()) == (["p9", "p10"], [1, 0, 1])
    assert [source[at].image for at in range(3)] == [encoded(at) for at in range(3)]
    assert len(source.left_out) == kind.count("comment") + 2 * (kind == "comments")


CHOSEN = {
    "both by name": ("image,species,individual,n", {"path": "image", "label": "individual"}),
    "another label": ("image,label,individual,n", {"label": "individual"}),
    "another path": ("where,species,label,n", {"path": "where"}),
    "the exact case": ("image,LABEL,Label,n", {"label": "Label"}),
    "by number": (None, {"path": "1", "label": "3"}),
    "a name that is a number": ("image,species,3,n", {"label": "3"}),
}


@pytest.mark.parametrize("kind", CHOSEN)
def test_columns_are_chosen(folder, kind):
    header, columns = CHOSEN[kind]
    (folder / "t.csv").write_text(lines(*([header] if header else [])))
    source = open_source(str(folder / "t.csv"), columns=columns)
    assert (source.class_names, source.labels.tolist()) == (["p9", "p10"], [1, 0, 1])


UNCLEAR = {
    "an unknown label": ("image,species,individual_name,n", {}),
    "an unknown path": ("where,species,label,n", {}),
    "no known name": ("where,species,individual_name,n", {}),
    "row numbers": ("image,id,species,n", {}),
    "no names": ("1.jpg,x,p10,7", {}),
    "a chosen column that is not there": ("image,species,label,n", {"label": "individual_name"}),
    "a number beyond the columns": ("1.jpg,x,p10,7", {"path": "1", "label": "5"}),
    "half by number": ("1.jpg,x,p10,7", {"path": "1"}),
}


@pytest.mark.parametrize("kind", UNCLEAR)
def test_columns_that_cannot_be_told_are_listed(folder, kind):
    header, columns = UNCLEAR[kind]
    (folder / "t.csv").write_text(lines(header))
    with pytest.raises(UserError, match=r"t\.csv: .*Choose") as error:
        open_source(str(folder / "t.csv"), columns=columns)
    assert header.replace(",", ", ") in str(error.value)
    assert "\n" not in str(error.value)


REPEATED = {
    "a label": ("image,label,label,n", {}, "'label'"),
    "a path": ("image,image,label,n", {}, "'image'"),
    "whatever the case": ("image,Label,label,n", {}, "'Label'"),
    "commented names": ("# image,label,label,n", {}, "'label'"),
    "a chosen column": ("image,who,who,n", {"label": "who"}, "'who'"),
}


@pytest.mark.parametrize("kind", REPEATED)
def test_a_name_of_several_columns_means_none_of_them(folder, kind):
    header, columns, name = REPEATED[kind]
    (folder / "t.csv").write_text(lines(header))
    with pytest.raises(UserError, match=rf"several columns are called {name}"):
        open_source(str(folder / "t.csv"), columns=columns)


def test_other_columns_may_share_a_name(folder):
    (folder / "t.csv").write_text(lines("image,n,label,n"))
    assert open_source(str(folder / "t.csv")).class_names == ["p9", "p10"]


@pytest.mark.parametrize(
    "names",
    [("Nan", "null", "None"), ("001", "1", "01"), ("1.0", "1"), ("NaN", "nan"), ("a b", "ä"), "#"],
)
def test_any_text_is_a_name(folder, names):
    (folder / "t.csv").write_text("".join(f"1.jpg,{name}\n" for name in names), encoding="utf-8")
    assert sorted(open_source(str(folder / "t.csv")).class_names) == sorted(names)


@pytest.mark.parametrize("rooted", [True, False])
def test_the_rule_for_relative_paths_that_is_stated_holds(folder, tmp_path, rooted, monkeypatch):
    place = folder / "lists"
    place.mkdir()
    monkeypatch.chdir(place)
    (place / "t.csv").write_text("sub/2.jpg,a\ngone.jpg,b\n")
    source = open_source(str(place / "t.csv"), root=str(folder) if rooted else None)
    start = folder if rooted else place
    assert source.path_of(0) == start / "sub/2.jpg"
    words = "data.root" if rooted else "start from the list's folder"
    with pytest.raises(UserError, match=rf"{start}/gone\.jpg: .*relative paths .*{words}"):
        source[1]


def test_columns_are_for_tables_only(face_folder, tmp_path):
    with pytest.raises(UserError, match="has no columns to choose"):
        open_source(str(face_folder), columns={"path": "x"})
    (tmp_path / "x.csv").write_text("1.jpg,a\n")
    with pytest.raises(UserError, match="no column 'left' is asked for"):
        ImageList(tmp_path / "x.csv", columns={"left": "x"})


PAIRS = {
    "names": ("left,right,same", ",", {}),
    "upper case": ("LEFT,Right,Same", ",", {}),
    "semicolons": ("left;right;same", ";", {}),
    "tabs": ("left\tright\tsame", "\t", {}),
    "comments": ("# by hand\nleft,right,same", ",", {}),
    "none": ("", ",", {}),
    "chosen": ("first,second,answer", ",", {"left": "first", "right": "second", "same": "answer"}),
    "chosen by number": ("", ",", {"left": "1", "right": "2", "same": "3"}),
}


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("rooted", [True, False])
def test_tables_of_pairs_likewise(folder, tmp_path, kind, rooted):
    header, separator, columns = PAIRS[kind]
    place = folder / "lists" if rooted else folder
    place.mkdir(exist_ok=True)
    rows = [separator.join(row) for row in (("1.jpg", "3.jpg", "1"), ("1.jpg", "sub/2.jpg", "0"))]
    (place / "p.csv").write_text("\n".join([header, *rows]))
    root = str(folder) if rooted else None
    (pairs,) = open_pairs(str(place / "p.csv"), "set", root, columns)
    assert pairs.is_same.tolist() == [True, False]
    assert [pairs.images[int(at)].image for at in pairs.pairs[1]] == [encoded(0), encoded(1)]


@pytest.mark.parametrize(
    ("text", "listed"),
    [("left,other,same\na.jpg,b.jpg,1\n", "left, other, same"), ("a.jpg,b.jpg,1,2,3,4\n", "2, 3")],
)
def test_pair_columns_that_cannot_be_told_are_listed(folder, text, listed):
    (folder / "p.csv").write_text(text)
    with pytest.raises(UserError, match=listed):
        open_pairs(str(folder / "p.csv"), "set")


@pytest.mark.parametrize("command", [("check",), ("convert", "x.tfrecord")])
def test_commands_choose_columns(folder, command, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("framl_keras.data.checking.check._SECONDS", 0.1)
    (folder / "t.csv").write_text(lines("image,species,who,n"))
    name, *rest = command
    for columns, status in (("path=image,label=who", 0), ("label=whom", 2), ("who", 2)):
        with pytest.raises(SystemExit) as end:
            main(["data", name, "t.csv", *rest, "--columns", columns])
        assert end.value.code == status
    assert "3 images of 2" in capsys.readouterr().out
