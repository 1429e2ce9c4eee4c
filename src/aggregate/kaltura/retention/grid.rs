//! The grid on which stretches of media count, whatever the media's duration: cells of a second up to 256 s, then 128 cells for each
//! doubling. So a cell is narrower than a percent of any media that it lies in, but for those under 100 s.

/// The cells of each doubling; the first ones are 1 s wide.
const CELLS_PER_DOUBLING: i64 = 128;
/// How often the length doubles: to 18 h 12 min.
const DOUBLINGS: u32 = 9;
const SECOND_MS: i64 = 1000;

/// How many cells there are.
pub(super) const CELLS: i64 = CELLS_PER_DOUBLING * (DOUBLINGS as i64 + 1);
/// What lies beyond is not kept.
pub(super) const END_MS: i64 = (CELLS_PER_DOUBLING << DOUBLINGS) * SECOND_MS;

/// The cell that holds a position.
pub(super) fn cell_of(position_ms: i64) -> i64 {
    let seconds = position_ms.clamp(0, END_MS - 1) / SECOND_MS;
    // Cells are 2^doubling seconds wide.
    let doubling = (seconds / CELLS_PER_DOUBLING).checked_ilog2().unwrap_or(0);
    CELLS_PER_DOUBLING * i64::from(doubling) + (seconds >> doubling)
}

/// The first cell whose middle lies at or after a position.
pub(super) fn first_from(position_ms: i64) -> i64 {
    if position_ms >= END_MS {
        return CELLS;
    }
    let cell = cell_of(position_ms);
    if middle_of(cell) >= position_ms { cell } else { cell + 1 }
}

fn middle_of(cell: i64) -> i64 {
    let doubling = (cell / CELLS_PER_DOUBLING - 1).max(0);
    let seconds = (cell - CELLS_PER_DOUBLING * doubling) << doubling;
    seconds * SECOND_MS + (SECOND_MS << doubling) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_follow_one_another_and_are_narrow() {
        // By hand: 127.9 s is in the last of the first 128; so they are up to 256 s, from there 2 s wide, from 512 s 4 s.
        let cells =
            [(0, 0), (127_900, 127), (128_000, 128), (255_999, 255), (256_000, 256), (257_999, 256), (258_000, 257)];
        for (position, cell) in cells {
            assert_eq!(cell_of(position), cell, "{position}");
        }
        assert_eq!((cell_of(512_000), cell_of(515_999), cell_of(516_000)), (384, 384, 385));
        assert_eq!((cell_of(END_MS - 1), cell_of(END_MS + 5), first_from(END_MS)), (CELLS - 1, CELLS - 1, CELLS));
        assert_eq!((middle_of(0), middle_of(255), middle_of(256), middle_of(384)), (500, 255_500, 257_000, 514_000));
        assert_eq!((first_from(500), first_from(501), first_from(257_001)), (0, 1, 257));
        for cell in 0..CELLS {
            assert_eq!(cell_of(middle_of(cell)), cell);
            assert_eq!(first_from(middle_of(cell)), cell);
        }
    }
}
