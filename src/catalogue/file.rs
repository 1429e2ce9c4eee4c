//! A catalogue as a CSV file: a header line that names the columns, in any order, and a line for each entry.

use super::record::{entry_id, told};
use super::{EntryId, Position, Reject, Told};

/// Why a file is no catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The header is no CSV.
    #[error(
        "its first line is no header of a CSV file ({0}): it must name the columns, such as `partnerId,id,name,userId,msDuration`"
    )]
    Header(String),
    /// A column that is needed is missing.
    #[error(
        "its first line names no column `{column}`: it needs `partnerId` and `id` (or `entryId`), and may have `name`, `userId`, `msDuration` and `duration`"
    )]
    Column {
        /// The column's name.
        column: &'static str,
    },
}

/// What a line tells: of which entry, and whether all of it could be read; else why nothing of it counts.
type Line = Result<(EntryId, Told, bool), Reject>;

/// Where the columns are.
struct Columns {
    partner: usize,
    entry: usize,
    more: [Option<usize>; 4],
}

/// Calls `each` with every line of a file, in order: where it begins, and what it tells.
///
/// # Errors
/// When the first line does not name the columns that are needed.
pub(super) fn read(mut bytes: Vec<u8>, each: &mut dyn FnMut(Position, Line)) -> Result<(), FileError> {
    // Lines are counted by their feeds, and no name needs a carriage return.
    bytes.retain(|byte| *byte != b'\r');
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let columns = Columns::of(reader.headers().map_err(|cause| FileError::Header(cause.to_string()))?)?;
    let mut line = csv::StringRecord::new();
    loop {
        let offset = i64::try_from(reader.position().line()).unwrap_or(i64::MAX);
        let at = Position { offset, ..Position::default() };
        match reader.read_record(&mut line) {
            Ok(false) => return Ok(()),
            Ok(true) => each(at, columns.read(&line)),
            Err(_) => each(at, Err(Reject::Value)),
        }
    }
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, FileError> {
        let place = |name: &str| header.iter().position(|column| column.trim() == name);
        let needed = |column: &'static str, place: Option<usize>| place.ok_or(FileError::Column { column });
        Ok(Self {
            partner: needed("partnerId", place("partnerId"))?,
            entry: needed("id", place("id").or_else(|| place("entryId")))?,
            more: ["name", "userId", "msDuration", "duration"].map(place),
        })
    }

    fn read(&self, line: &csv::StringRecord) -> Line {
        let text = |place: usize| line.get(place).unwrap_or_default();
        let id = entry_id(text(self.partner), text(self.entry))?;
        let [name, owner, ms, seconds] = self.more.map(|place| place.map(text));
        let (told, is_whole) = told(name.unwrap_or_default(), owner.unwrap_or_default(), ms, seconds);
        Ok((id, told, is_whole))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines(text: &[u8]) -> Vec<(i64, Line)> {
        let mut lines = Vec::new();
        read(text.to_vec(), &mut |at, line| lines.push((at.offset, line))).unwrap();
        lines
    }

    #[test]
    fn columns_come_in_any_order_and_bad_lines_cost_themselves() {
        let text = "\u{feff}name, id ,msDuration,partnerId,views,userId\r\n\
            \"Opening, \"\"live\"\"\",1_abc,93120,812,7,anna\r\n\
            Talk,1_def,long,812,7,\r\n\
            nobody,,5,812\r\n\
            \"two\nlines\",1_ghi,,812,,carl\r\n\
            short,1_jkl\r\n\
            Talk again,1_def,60000,812,7,bea\r\n";
        let line = |entry, name: &str, owner: &str, duration_ms, is_whole| {
            let told = Told { name: name.into(), owner: owner.into(), duration_ms };
            Ok((entry_id("812", entry).unwrap(), told, is_whole))
        };
        let expected: [(i64, Line); 6] = [
            (2, line("1_abc", "Opening, \"live\"", "anna", Some(93_120), true)),
            (3, line("1_def", "Talk", "", None, false)),
            (4, Err(Reject::Key)),
            (5, line("1_ghi", "twolines", "carl", None, true)),
            (7, Err(Reject::Key)),
            (8, line("1_def", "Talk again", "bea", Some(60_000), true)),
        ];
        assert_eq!(lines(text.as_bytes()), expected);
    }

    #[test]
    fn bytes_that_are_no_text_cost_their_line() {
        let lines = lines(b"partnerId,entryId,duration\n812,\xff,3\n812,1_b,2.5\n");
        let durations: Vec<_> = lines.into_iter().map(|(_, line)| line.map(|(_, told, _)| told.duration_ms)).collect();
        assert_eq!(durations, [Err(Reject::Value), Ok(Some(2_500))]);
    }

    #[test]
    fn a_file_without_the_needed_columns_is_none() {
        let refused = |text: &[u8]| read(text.to_vec(), &mut |_, _| {}).unwrap_err();
        assert_eq!(refused(b""), FileError::Column { column: "partnerId" });
        assert_eq!(refused(b"partnerId,name\n"), FileError::Column { column: "id" });
        assert!(matches!(refused(b"\xff\n"), FileError::Header(_)));
    }
}
