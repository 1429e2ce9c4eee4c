//! The grid on which stretches of media count, whatever the media's duration: cells of a second up to 1024 s, then 512 cells for each
//! doubling. So a cell is narrower than a fifth of a percent of any media of 500 s and more that it lies near the end of, and what is read
//! off at the middle of the nearest one is off by less than players are.

/// The cells of each doubling; the first ones are 1 s wide.
const CELLS_PER_DOUBLING: i64 = 512;
/// How often the length doubles: to 18 h 12 min.
const DOUBLINGS: u32 = 7;
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
        // By hand: a second wide up to 1024 s, from there 2 s, from 2048 s 4 s.
        for (position, cell) in [(0, 0), (511_999, 511), (512_000, 512), (1_023_999, 1_023), (1_024_000, 1_024)] {
            assert_eq!(cell_of(position), cell, "{position}");
        }
        assert_eq!(
            [1_025_999, 1_026_000, 2_048_000, 2_051_999, 2_052_000].map(cell_of),
            [1_024, 1_025, 1_536, 1_536, 1_537]
        );
        assert_eq!((cell_of(END_MS - 1), cell_of(END_MS + 5), first_from(END_MS)), (CELLS - 1, CELLS - 1, CELLS));
        assert_eq!([0, 1_023, 1_024, 1_536].map(middle_of), [500, 1_023_500, 1_025_000, 2_050_000]);
        assert_eq!([500, 501, 1_025_001].map(first_from), [0, 1, 1_025]);
        for cell in 0..CELLS {
            assert_eq!(cell_of(middle_of(cell)), cell);
            assert_eq!(first_from(middle_of(cell)), cell);
        }
    }
}
