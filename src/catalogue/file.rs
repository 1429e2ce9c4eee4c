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

/// What a file tells: the entries, with the line that each lies in, and what was left out, likewise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileEntries {
    /// In the order of the file: of two lines for one entry the later one counts.
    pub entries: Vec<(EntryId, Position, Told)>,
    /// Why a line, or its duration, was left out.
    pub rejected: Vec<(Reject, Position)>,
}

/// Where the columns are.
struct Columns {
    partner: usize,
    entry: usize,
    more: [Option<usize>; 4],
}

/// Reads a file.
///
/// # Errors
/// When its first line does not name the columns that are needed.
pub fn read_file(bytes: &[u8]) -> Result<FileEntries, FileError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Lines are counted by their feeds, and no name needs a carriage return.
    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let columns = Columns::of(reader.headers().map_err(|cause| FileError::Header(cause.to_string()))?)?;
    let mut found = FileEntries::default();
    let mut line = csv::StringRecord::new();
    loop {
        let offset = i64::try_from(reader.position().line()).unwrap_or(i64::MAX);
        let at = Position { offset, ..Position::default() };
        match reader.read_record(&mut line) {
            Ok(false) => return Ok(found),
            Ok(true) => columns.read(&line, at, &mut found),
            Err(_) => found.rejected.push((Reject::Value, at)),
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

    fn read(&self, line: &csv::StringRecord, at: Position, found: &mut FileEntries) {
        let text = |place: usize| line.get(place).unwrap_or_default();
        let id = match entry_id(text(self.partner), text(self.entry)) {
            Ok(id) => id,
            Err(reason) => return found.rejected.push((reason, at)),
        };
        let [name, owner, ms, seconds] = self.more.map(|place| place.map(text));
        let (told, is_whole) = told(name.unwrap_or_default(), owner.unwrap_or_default(), ms, seconds);
        if !is_whole {
            found.rejected.push((Reject::Duration, at));
        }
        found.entries.push((id, at, told));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn columns_come_in_any_order_and_bad_lines_cost_themselves() {
        let text = "\u{feff}name, id ,msDuration,partnerId,views,userId\r\n\
            \"Opening, \"\"live\"\"\",1_abc,93120,812,7,anna\r\n\
            Talk,1_def,long,812,7,\r\n\
            nobody,,5,812\r\n\
            \"two\nlines\",1_ghi,,812,,carl\r\n\
            short,1_jkl\r\n\
            Talk again,1_def,60000,812,7,bea\r\n";
        let found = read_file(text.as_bytes()).unwrap();
        let told = |name: &str, owner: &str, duration_ms| Told { name: name.into(), owner: owner.into(), duration_ms };
        let lines: Vec<_> = found.entries.iter().map(|(id, at, told)| (*id, at.offset, told.clone())).collect();
        let id = |entry| EntryId::of("812", entry);
        assert_eq!(
            lines,
            [
                (id("1_abc"), 2, told("Opening, \"live\"", "anna", Some(93_120))),
                (id("1_def"), 3, told("Talk", "", None)),
                (id("1_ghi"), 5, told("twolines", "carl", None)),
                (id("1_def"), 8, told("Talk again", "bea", Some(60_000))),
            ]
        );
        let rejected: Vec<_> = found.rejected.iter().map(|(reason, at)| (*reason, at.offset)).collect();
        assert_eq!(rejected, [(Reject::Duration, 3), (Reject::Key, 4), (Reject::Key, 7)]);
    }

    #[test]
    fn bytes_that_are_no_text_cost_their_line() {
        let found = read_file(b"partnerId,entryId,duration\n812,\xff,3\n812,1_b,2.5\n").unwrap();
        assert_eq!(found.rejected.len(), 1);
        assert_eq!(found.entries.iter().map(|(_, _, told)| told.duration_ms).collect::<Vec<_>>(), [Some(2_500)]);
    }

    #[test]
    fn a_file_without_the_needed_columns_is_none() {
        assert_eq!(read_file(b"").unwrap_err(), FileError::Column { column: "partnerId" });
        assert_eq!(read_file(b"partnerId,name\n").unwrap_err(), FileError::Column { column: "id" });
        assert!(matches!(read_file(b"\xff\n"), Err(FileError::Header(_))));
    }
}
