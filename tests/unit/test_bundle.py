"""Several files in one text: what is read is what was written, by Python and by the machine's awk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auren_infra.bundle import pack, unpack

names = st.text(st.characters(codec="utf-8", exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1)
lines = st.text(st.characters(codec="utf-8", exclude_characters="\n"))
texts = st.lists(lines).map(lambda found: "".join(f"{line}\n" for line in found))


@pytest.mark.hypothesis
@given(st.dictionaries(names, texts))
def test_what_is_unpacked_is_what_was_packed(files: dict[str, str]) -> None:
    assert unpack(pack(files)) == files
    assert list(unpack(pack(files))) == list(files)


def test_each_line_is_a_line_of_the_text() -> None:
    assert pack({"a": "one\n\n two\n", "b": ""}) == "file a\n one\n \n  two\nfile b\n"


@pytest.mark.parametrize(
    "text", ["*filter\n", "file a\nnot indented\n", "file a\n no end", "file a\nfile a\n", "file a b\n"]
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        unpack(text)


@pytest.mark.parametrize("files", [{"a b": ""}, {"": ""}, {"a": "no end"}, {"a\n": ""}])
def test_files_that_could_not_be_read_back_are_refused(files: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        pack(files)
