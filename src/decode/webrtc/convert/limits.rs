//! Bounds on what one message, and one sender, may ask of a converter. Both are in the hands of whoever holds the page.

use super::Error;

/// Bytes of an id, and of a text that is kept.
pub(super) const TEXT_BYTES: usize = 256;
/// Bytes of a member's name.
pub(super) const NAME_BYTES: usize = 64;
/// Members of one record inside an object, such as `qualityLimitationDurations`.
pub(super) const RECORD_MEMBERS: usize = 16;
/// Members of all objects that a stateful shape is remembered by. A report of 300 streams has 20,000.
pub(super) const KNOWN_MEMBERS: usize = 32_768;
/// Peer connections remembered at a time; the one that was silent the longest is forgotten first.
pub(super) const CONNECTIONS: usize = 32;
/// Sessions that share one socket of Jitsi's dialect.
pub(super) const SESSIONS: usize = 4;
/// Bytes of one record on the bus; a report that is longer is split between its objects.
pub(super) const RECORD_BYTES: usize = 256 * 1024;

/// What a message may be like. Beyond it, the message is refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub bytes: usize,
    /// Statistics objects of one peer connection.
    pub objects: usize,
    /// Objects and arrays inside each other.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, objects: 2_000, depth: 32 }
    }
}

impl Limits {
    /// Looks at a message before it is parsed.
    pub(super) fn check(&self, message: &[u8]) -> Result<(), Error> {
        if message.len() > self.bytes {
            return Err(Error::TooLarge { bytes: message.len(), limit: self.bytes });
        }
        if deeper_than(message, self.depth) {
            return Err(Error::TooDeep { limit: self.depth });
        }
        Ok(())
    }

    /// Whether a report may have this many objects.
    pub(super) fn check_objects(&self, objects: usize) -> Result<(), Error> {
        if objects > self.objects {
            return Err(Error::TooManyObjects { objects, limit: self.objects });
        }
        Ok(())
    }
}

/// Whether brackets outside strings are nested deeper than `limit`. What is not JSON is left for the parser to find.
fn deeper_than(message: &[u8], limit: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in message {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert!(!deeper_than(br#"[[{"a":"[[[[\"[[[["}]]"#, 3));
        assert!(deeper_than(br#"[[{"a":[]}]]"#, 3));
        assert!(!deeper_than(b"[][][][]", 1));
        assert!(deeper_than(&vec![b'['; 1_000_000], 32));
    }
}
