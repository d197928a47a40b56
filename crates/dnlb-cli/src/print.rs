//! How results are printed.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

use crate::kind::Kind;

/// A format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// JSON, as the API gives it
    Json,
    /// Columns
    Table,
    /// YAML, with the fields of JSON
    Yaml,
}

/// Prints resources of a kind.
pub(crate) fn resources(format: Format, kind: &Kind, items: &[Value]) {
    if format != Format::Table {
        return data(format, &Value::Array(items.to_vec()));
    }
    let id = format!("/{}", kind.id);
    let name = format!("/{}", kind.name);
    let columns: Vec<(&str, &str)> = [("ID", id.as_str()), ("NAME", name.as_str())]
        .into_iter()
        .chain(kind.columns.iter().copied())
        .collect();
    table(&columns, items);
}

/// Prints all fields of an object, one a line.
pub(crate) fn fields(format: Format, item: &Value) {
    if format != Format::Table {
        return data(format, item);
    }
    let mut table = plain();
    for (name, value) in item.as_object().into_iter().flatten() {
        table.add_row([name.clone(), cell(value)]);
    }
    text(&table.to_string());
}

/// Prints rows: heading and JSON pointer of each column.
pub(crate) fn table(columns: &[(&str, &str)], items: &[Value]) {
    let mut table = plain();
    table.set_header(columns.iter().map(|(heading, _)| *heading));
    for item in items {
        table
            .add_row(columns.iter().map(|(_, pointer)| item.pointer(pointer).map_or_else(String::new, cell)));
    }
    text(&table.to_string());
}

/// Prints a whole value for programs; a table has no place for one, and is JSON then.
pub(crate) fn data(format: Format, value: &Value) {
    match format {
        Format::Json | Format::Table => text(&format!("{value:#}")),
        Format::Yaml => text(&yaml(value)),
    }
}

/// Prints one value of a stream for programs: a line of JSON, or a document of YAML.
pub(crate) fn item(format: Format, value: &Value) {
    match format {
        Format::Json | Format::Table => text(&value.to_string()),
        Format::Yaml => text(&format!("---\n{}", yaml(value))),
    }
}

/// A value as YAML, without the end of its last line.
pub(crate) fn yaml(value: &impl serde::Serialize) -> String {
    // Only what has no form in YAML fails, such as a map with maps as keys: none of what is printed.
    let text = serde_saphyr::to_string(value).unwrap_or_else(|error| format!("# not YAML: {error}"));
    // No more than the end of the line: empty lines before it may belong to a text.
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

/// Prints a text and the end of the line; the end of the program if nobody reads it any more, as in `dnlb ... | head`.
pub(crate) fn text(text: &str) {
    use std::io::Write;
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// A table without lines.
fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// A value in one cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        Value::Object(object) if object.contains_key("code") => cell(&object["code"]),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_becomes_one_cell_and_a_state_its_code() {
        assert_eq!(cell(&json!(["a", "b"])), "a,b");
        assert_eq!(cell(&json!({"code": "ACTIVE", "reason": ""})), "ACTIVE");
        assert_eq!(cell(&json!(null)), "");
        assert_eq!(cell(&json!(8080)), "8080");
    }

    #[test]
    fn yaml_says_what_json_says() {
        let value = json!({"name": "web", "ports": [80, 443], "on": "off", "version": "1.0", "none": null,
                           "text": "two\nlines\n", "empty": [], "flag": true});
        let read: Value = serde_saphyr::from_str(&yaml(&value)).unwrap();
        assert_eq!(read, value);
    }
}
