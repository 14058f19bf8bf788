//! Rows with a head, in columns as wide as what stands in them. Pure.

/// Between two columns.
const GAP: usize = 3;

/// The head and the rows, a line each. What is empty is `-`.
pub fn render(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            cells.chain([name.chars().count()]).max().unwrap_or_default()
        })
        .collect();
    let head = head.iter().map(|name| (*name).to_owned()).collect();
    let lines = std::iter::once(&head).chain(rows).map(|row| line(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| {
        let cell = if cell.is_empty() { "-" } else { cell };
        format!("{cell:<width$}", width = width + GAP)
    });
    cells.collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = [vec!["ada".into(), "Available".into()], vec!["hypatia".into(), String::new()]];
        assert_eq!(render(&["NAME", "PHASE"], &rows), "NAME      PHASE\nada       Available\nhypatia   -");
        assert_eq!(render(&["NAME"], &[]), "NAME");
    }
}
