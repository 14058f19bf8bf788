//! The test picture: one definition for demo, tests and anybody's probe.
//!
//! 1280×720 at 30 fps. Along the top edge 28 square cells of 40 px, from the left: cell 0 white, cell 1 black, cells 2 to
//! 25 the frame number, least significant bit first (white = 1), cell 26 its even parity, cell 27 white. Below, a moving
//! shape and the number in digits. With it a tone: 1000 Hz for 200 ms at the start of each second.

mod digits;

pub const WIDTH: usize = 1280;
pub const HEIGHT: usize = 720;
pub const FRAME_RATE: u32 = 30;
pub const SAMPLE_RATE_HZ: u32 = 48_000;
pub const TONE_HZ: u32 = 1000;
/// How long the tone sounds in each second.
pub const TONE_SAMPLES: u32 = SAMPLE_RATE_HZ / 5;

pub const CELL: usize = 40;
pub const CELLS: usize = 28;
const FIRST_BIT: usize = 2;
const BITS: usize = 24;
const PARITY: usize = FIRST_BIT + BITS;

/// Studio range, as all video has it (BT.601, BT.709).
const BLACK: u8 = 16;
const WHITE: u8 = 235;
const NO_COLOUR: u8 = 128;

/// Away from the edges of a cell, where a codec blurs it into its neighbour.
const MARGIN: usize = 10;
/// White must be brighter than black by this much for anything to be read.
const LEAST_SPAN: f32 = 64.0;
/// How far from the middle between black and white a cell must be, in parts of their distance.
const LEAST_CERTAINTY: f32 = 0.2;

/// The planes of a 1280×720 I420 picture, without padding between rows.
pub struct Planes<'a> {
    pub luma: &'a mut [u8],
    pub blue: &'a mut [u8],
    pub red: &'a mut [u8],
}

pub const LUMA_BYTES: usize = WIDTH * HEIGHT;
pub const CHROMA_BYTES: usize = LUMA_BYTES / 4;
pub const FRAME_BYTES: usize = LUMA_BYTES + 2 * CHROMA_BYTES;

impl<'a> Planes<'a> {
    /// The planes of one I420 buffer. None: it is too small.
    pub fn of(buffer: &'a mut [u8]) -> Option<Self> {
        let (luma, chroma) = buffer.split_at_mut_checked(LUMA_BYTES)?;
        let (blue, red) = chroma.split_at_mut_checked(CHROMA_BYTES)?;
        (red.len() >= CHROMA_BYTES).then_some(Self { luma, blue, red })
    }

    fn fill(&mut self, area: Area, shade: Shade) {
        for y in area.top..(area.top + area.height).min(HEIGHT) {
            let right = (area.left + area.width).min(WIDTH);
            self.luma[y * WIDTH + area.left..y * WIDTH + right].fill(shade.luma);
            if y % 2 == 0 {
                let row = y / 2 * (WIDTH / 2);
                self.blue[row + area.left / 2..row + right / 2].fill(shade.blue);
                self.red[row + area.left / 2..row + right / 2].fill(shade.red);
            }
        }
    }
}

/// Even numbers, so that chroma follows.
#[derive(Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

#[derive(Clone, Copy)]
struct Shade {
    luma: u8,
    blue: u8,
    red: u8,
}

const fn grey(luma: u8) -> Shade {
    Shade { luma, blue: NO_COLOUR, red: NO_COLOUR }
}

const GROUND: Shade = Shade { luma: 38, blue: 136, red: 124 };
const AMBER: Shade = Shade { luma: 180, blue: 76, red: 160 };

pub fn draw(number: u32, planes: &mut Planes<'_>) {
    planes.fill(Area { left: 0, top: 0, width: WIDTH, height: HEIGHT }, GROUND);
    for cell in 0..CELLS {
        let shade = if is_white(cell, number) { grey(WHITE) } else { grey(BLACK) };
        planes.fill(Area { left: cell * CELL, top: 0, width: CELL, height: CELL }, shade);
    }
    draw_shape(number, planes);
    draw_number(number, planes);
}

fn is_white(cell: usize, number: u32) -> bool {
    match cell {
        1 => false,
        FIRST_BIT..PARITY => number >> (cell - FIRST_BIT) & 1 == 1,
        PARITY => (number & ((1 << BITS) - 1)).count_ones() % 2 == 1,
        _ => true,
    }
}

/// A disc that goes round once in two seconds: motion that an eye can judge.
fn draw_shape(number: u32, planes: &mut Planes<'_>) {
    const RADIUS: i64 = 60;
    const ORBIT: f64 = 200.0;
    let turn = f64::from(number % (2 * FRAME_RATE)) / f64::from(2 * FRAME_RATE) * std::f64::consts::TAU;
    let centre_x = 920 + (turn.sin() * ORBIT) as i64;
    let centre_y = 390 - (turn.cos() * ORBIT) as i64;
    for dy in (-RADIUS..RADIUS).step_by(2) {
        let half = ((RADIUS * RADIUS - dy * dy) as f64).sqrt() as i64 & !1;
        let area = Area {
            left: ((centre_x - half) & !1) as usize,
            top: ((centre_y + dy) & !1) as usize,
            width: (2 * half) as usize,
            height: 2,
        };
        planes.fill(area, AMBER);
    }
}

fn draw_number(number: u32, planes: &mut Planes<'_>) {
    const DOT: usize = 16;
    const LEFT: usize = 80;
    const TOP: usize = 320;
    for (place, digit) in format!("{number:06}").bytes().map(|byte| byte - b'0').enumerate() {
        for (column, row) in digits::dots(digit) {
            let left = LEFT + (place * (digits::COLUMNS + 1) + column) * DOT;
            planes.fill(Area { left, top: TOP + row * DOT, width: DOT, height: DOT }, grey(WHITE));
        }
    }
}

/// The frame number in a picture at least as large as the row of cells. None: it cannot be read for certain.
pub fn read(luma: &[u8], stride: usize) -> Option<u32> {
    if stride < CELLS * CELL {
        return None;
    }
    let mut levels = [0.0; CELLS];
    for (cell, level) in levels.iter_mut().enumerate() {
        *level = mean(luma, stride, cell)?;
    }
    let black = levels[1];
    let span = (levels[0] + levels[CELLS - 1]) / 2.0 - black;
    if span < LEAST_SPAN {
        return None;
    }
    let mut number = 0;
    for (cell, level) in levels.into_iter().enumerate().take(PARITY).skip(FIRST_BIT) {
        number |= u32::from(bit(level, black, span)?) << (cell - FIRST_BIT);
    }
    let parity = bit(levels[PARITY], black, span)?;
    (parity == (number.count_ones() % 2 == 1)).then_some(number)
}

fn bit(level: f32, black: f32, span: f32) -> Option<bool> {
    let shade = (level - black) / span - 0.5;
    (shade.abs() >= LEAST_CERTAINTY).then_some(shade > 0.0)
}

fn mean(luma: &[u8], stride: usize, cell: usize) -> Option<f32> {
    let columns = cell * CELL + MARGIN..(cell + 1) * CELL - MARGIN;
    let mut sum = 0;
    for row in MARGIN..CELL - MARGIN {
        let pixels = luma.get(row * stride + columns.start..row * stride + columns.end)?;
        sum += pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
    }
    let side = (CELL - 2 * MARGIN) as f32;
    Some(sum as f32 / (side * side))
}

/// The sample at a position since the beginning, mono, at [`SAMPLE_RATE_HZ`].
pub fn tone(position: u64) -> i16 {
    const PERIOD: u32 = SAMPLE_RATE_HZ / TONE_HZ;
    const LOUDNESS: f32 = 0.25;
    let in_second = (position % u64::from(SAMPLE_RATE_HZ)) as u32;
    if in_second >= TONE_SAMPLES {
        return 0;
    }
    // Whole periods, so that it ends where it began: no click.
    let phase = (in_second % PERIOD) as f32 / PERIOD as f32 * std::f32::consts::TAU;
    (phase.sin() * LOUDNESS * f32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests;
