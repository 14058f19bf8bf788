//! Ten digits of five by seven dots.

pub(super) const COLUMNS: usize = 5;

/// Each row's dots, the leftmost in the highest bit.
const FONT: [[u8; 7]; 10] = [
    [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
    [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
    [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
    [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110],
    [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
    [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
    [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
    [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
];

/// Column and row of each dot of a digit.
pub(super) fn dots(digit: u8) -> impl Iterator<Item = (usize, usize)> {
    let rows = FONT.get(usize::from(digit)).copied().unwrap_or_default();
    rows.into_iter().enumerate().flat_map(|(row, dots)| {
        (0..COLUMNS)
            .filter(move |column| dots >> (COLUMNS - 1 - column) & 1 == 1)
            .map(move |column| (column, row))
    })
}
