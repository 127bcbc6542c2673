"""A PDF whose second page is small, and has no end: a billion laughs."""

import pymupdf

# So many forms, each of which draws the one before it so many times.
LEVELS, TIMES = 8, 30
# What is read takes memory; what is only painted takes none.
TEXT, PAINT = b"BT /F0 4 Tf (laugh) Tj ET ", b"0 0 1 1 re f "


def nested_pdf(drawing: bytes) -> bytes:
    """Three pages, the second of which draws `drawing`, with the font F0, more often than it can be read."""
    with pymupdf.open() as pdf:
        for text in ("First page.", "laugh", "Third page."):
            pdf.new_page().insert_text((72, 72), text)
        second = pdf[1].xref
        resources, content = f"<</Font<</F0 {pdf.get_page_fonts(1)[0][0]} 0 R>>>>", drawing * TIMES
        for _ in range(LEVELS):
            form = pdf.get_new_xref()
            pdf.update_object(form, f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources{resources}>>")
            pdf.update_stream(form, content)
            resources, content = f"<</XObject<</X {form} 0 R>>>>", b"/X Do " * TIMES
        pdf.xref_set_key(second, "Resources", resources)
        pdf.update_stream(pdf[1].get_contents()[0], content)
        data: bytes = pdf.tobytes()
        return data
