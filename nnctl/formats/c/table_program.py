"""The program behind `#ifdef NNCTL_MAIN`: rows of a CSV file in, predictions as CSV out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nnctl.core.records import record
from nnctl.data.feeding.stream import ROW
from nnctl.data.preprocessing import Preprocessing
from nnctl.formats.c.columns import Columns
from nnctl.formats.c.shown import Shown
from nnctl.formats.c.text import identifier, quoted
from nnctl.formats.outputs import GIVEN
from nnctl.formats.predictions.csv import cell

_READING = r"""
enum { CELL = 1 << 12 };

/* The next cell, without blanks around it; what ends it: a delimiter, '\n', or EOF. */
static int next_cell(FILE *file, char *text) {
    int c = getc(file), size = 0, quoted = 0;
    while (c == ' ' || (c == '\t' && NNCTL_DELIMITER != '\t'))
        c = getc(file);
    if (c == '"') {
        quoted = 1;
        c = getc(file);
    }
    while (c != EOF && (quoted || (c != NNCTL_DELIMITER && c != '\n'))) {
        int ends = 0;
        if (quoted && c == '"') {
            c = getc(file);
            ends = c != '"';
        }
        if (ends) {
            quoted = 0;
            continue;
        }
        if (size + 1 >= CELL) {
            fprintf(stderr, "a cell is longer than %d bytes\n", CELL - 1);
            exit(3);
        }
        text[size++] = (char)c;
        c = getc(file);
    }
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t' || text[size - 1] == '\r'))
        size--;
    text[size] = 0;
    return c;
}

static int is_missing(const char *text) {
    size_t i;
    for (i = 0; i < sizeof missing_words / sizeof *missing_words; i++)
        if (strcmp(text, missing_words[i]) == 0)
            return 1;
    return 0;
}

/* The number in a cell; whether there is one. */
static int number_in(const char *text, double *value) {
    char *end;
    if (is_missing(text)) {
        *value = (double)NAN;
        return 1;
    }
    *value = strtod(text, &end);
    return end != text && *end == 0 && strpbrk(text, "xX(") == NULL;
}

/* The shortest decimals that read back to the same number. */
static void print_number(real value) {
    char text[40];
    int digits;
    for (digits = 1; digits <= 17; digits++) {
        sprintf(text, "%.*g", digits, (double)value);
        if ((real)strtod(text, NULL) == value)
            break;
    }
    fputs(text, stdout);
}
"""

_MAIN = r"""
/* Which column each field of a row is, -1 for others; how many there are. */
static int read_header(FILE *file, int **slots) {
    char text[CELL];
    int found[COLUMNS] = {0}, fields = 0, end, i;
    do {
        int *grown = realloc(*slots, (size_t)(fields + 1) * sizeof **slots);
        if (grown == NULL)
            exit(1);
        *slots = grown;
        end = next_cell(file, text);
        if (fields == 0 && strncmp(text, "\357\273\277", 3) == 0) /* a byte order mark */
            memmove(text, text + 3, strlen(text + 3) + 1);
        grown[fields] = -1;
        for (i = 0; i < COLUMNS; i++)
            if (strcmp(text, column_names[i]) == 0) {
                grown[fields] = i;
                found[i] = 1;
            }
        fields++;
    } while (end == NNCTL_DELIMITER);
    for (i = 0; i < COLUMNS; i++)
        if (!found[i]) {
            fprintf(stderr, "there is no column %s\n", column_names[i]);
            exit(3);
        }
    return fields;
}

int main(int argc, char **argv) {
    static char texts[WORDS + 1][CELL], text[CELL];
    const char *words[WORDS + 1];
    double numbers[NUMBERS + 1];
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : stdin;
    int *slots = NULL, fields, end = 0, wrong;
    long row = 1;
    if (file == NULL) {
        perror(argv[1]);
        return 3;
    }
    fields = read_header(file, &slots);
    puts(header);
    while (end != EOF) {
        int field = 0;
        row++;
        do {
            const int slot = field < fields ? slots[field] : -1;
            end = next_cell(file, text);
            if (field == 0 && end != NNCTL_DELIMITER && text[0] == 0 && (end == EOF || fields > 1))
                break; /* a blank line */
            field++;
            if (slot >= 0 && slot < NUMBERS && !number_in(text, &numbers[slot])) {
                fprintf(stderr, "row %ld, column %s: '%s' is no number\n", row, column_names[slot], text);
                return 3;
            }
            if (slot >= NUMBERS) {
                char *to = texts[slot - NUMBERS];
                memcpy(to, text, strlen(text) + 1);
                words[slot - NUMBERS] = is_missing(text) ? NULL : to;
            }
        } while (end == NNCTL_DELIMITER);
        if (field == 0)
            continue;
        if (field != fields) {
            fprintf(stderr, "row %ld has %d cells, but there are %d columns\n", row, field, fields);
            return 3;
        }
        wrong = predict_row(row, numbers, words);
        if (wrong) {
            const char *name = column_names[wrong - 1];
            fprintf(stderr, "row %ld, column %s: nothing prepares for its value\n", row, name);
            return 3;
        }
    }
    free(slots);
    return 0;
}
"""


@record
class Given:
    """An input: what its array is called in C, its type, its size."""

    called: str
    kind: str
    size: int


@record
class Made:
    """An output: what its array is called in C, its size, how it is read."""

    called: str
    size: int
    shown: Shown


def table_program(
    name: str,
    columns: Columns,
    preprocessing: Preprocessing,
    inputs: Mapping[str, Given],
    outputs: Mapping[str, Made],
) -> Iterator[str]:
    """The program's lines; the functions of the file begin with `name`."""
    missing = [str(word) for word in preprocessing.reader.get("missing", ("",))]
    delimiter = preprocessing.reader.get("delimiter") or ","
    names = [*columns.numbers, *columns.words]
    made_names = [cell(column) for made in outputs.values() for column in made.shown.told.columns]
    if preprocessing.window is not None:
        made_names.insert(0, f"{ROW}{GIVEN}" if ROW in made_names else ROW)
    yield "#ifdef NNCTL_MAIN"
    yield "/* Predicts each row of a CSV file with a header (or of standard input). */"
    yield from ("#include <stdio.h>", "#include <stdlib.h>", "")
    yield from ("#ifndef NNCTL_DELIMITER", f"#define NNCTL_DELIMITER {_character(delimiter)}", "#endif", "")
    yield f"enum {{ NUMBERS = {columns.count}, WORDS = {len(columns.words)}, COLUMNS = NUMBERS + WORDS }};"
    yield from _texts("column_names", names)
    yield from _texts("missing_words", missing)
    for output, made in outputs.items():
        if made.shown.told.likeliest:
            yield from _texts(f"classes_{identifier(output)}", map(cell, made.shown.told.likeliest))
    yield f"static const char header[] ={''.join(f' {part}' for part in _parts(','.join(made_names)))};"
    yield from _READING.rstrip().splitlines()
    yield from ("", *_predict_row(name, columns, preprocessing, inputs, outputs))
    yield from _MAIN.rstrip().splitlines()
    yield "#endif"


def _character(text: str) -> str:
    """A delimiter as C writes it."""
    return f"'{quoted(text)[1:-1]}'" if len(text) == 1 and text != "'" else "','"


def _parts(text: str, size: int = 80) -> Iterator[str]:
    """A long text as literals side by side."""
    for start in range(0, max(len(text), 1), size):
        yield quoted(text[start : start + size])


def _texts(name: str, texts: Iterator[str] | list[str]) -> Iterator[str]:
    yield f"static const char *const {name}[] = {{"
    yield from (f"    {quoted(text)}," for text in texts)
    yield "};"


def _predict_row(
    name: str,
    columns: Columns,
    preprocessing: Preprocessing,
    inputs: Mapping[str, Given],
    outputs: Mapping[str, Made],
) -> Iterator[str]:
    """The function that prepares a row, predicts and prints; of a window the row is the last."""
    yield "static int predict_row(long row, const double *numbers, const char *const *words) {"
    for given in inputs.values():
        yield f"    static {given.kind} {given.called}[{given.size}];"
    for made in outputs.values():
        yield f"    static real {made.called}[{made.size}];"
        if made.shown.lines:
            yield f"    static real shown_{made.called}[{made.shown.count}];"
    arrays = ", ".join(given.called for given in inputs.values())
    row = ", ".join([*(["numbers"] if columns.numbers else []), *(["words"] if columns.words else [])])
    window = preprocessing.window
    if window is not None:
        yield "    static long rows = 0;"
    yield "    int wrong, i;"
    for unused in ("numbers", "words", *(["row"] if window is None else [])):
        if unused not in row:
            yield f"    (void){unused};"
    if window is None:
        yield f"    wrong = {name}_prepare({row}, {arrays});"
    else:
        for given in inputs.values():
            step = given.size // window.length
            moved = f"{given.size - step} * sizeof *{given.called}"
            yield f"    memmove({given.called}, {given.called} + {step}, {moved});"
        yield f"    wrong = {name}_prepare({window.length - 1}, {row}, {arrays});"
    yield "    if (wrong)"
    yield "        return wrong;"
    if window is not None:
        yield f"    if (++rows < {window.length} || (rows - {window.length}) % {window.stride} != 0)"
        yield "        return 0;"
    yield f"    {name}_predict({arrays}, {', '.join(made.called for made in outputs.values())});"
    between = ""
    if window is not None:
        yield '    printf("%ld", row);'
        between = ","
    for output, made in outputs.items():
        yield from _printed(name, output, made, between)
        between = ","
    yield "    putchar('\\n');"
    yield "    return 0;"
    yield "}"


def _printed(name: str, output: str, made: Made, between: str) -> Iterator[str]:
    """What prints an output's cells."""
    read = f"shown_{made.called}" if made.shown.lines else made.called
    if made.shown.lines:
        yield f"    {name}_{made.called}_shown({made.called}, {read});"
    if made.shown.told.likeliest:
        yield "    {"
        yield "        int best = 0;"
        yield f"        for (i = 1; i < {made.shown.count}; i++)"
        yield f"            best = {read}[i] > {read}[best] ? i : best;"
        yield f'        printf("{between}%s", classes_{identifier(output)}[best]);'
        yield "    }"
        between = ","
    first = "if (i > 0)\n            putchar(',');" if not between else "putchar(',');"
    yield f"    for (i = 0; i < {made.shown.count}; i++) {{"
    yield f"        {first}"
    yield f"        print_number({read}[i]);"
    yield "    }"
