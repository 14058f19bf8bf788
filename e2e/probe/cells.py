"""Reads and draws the test picture and its tone: the same definition as runtime/core/src/test_picture.rs."""

import numpy

CELL = 40
CELLS = 28
BITS = 24
FIRST_BIT = 2
PARITY = FIRST_BIT + BITS
# The middle of a cell, away from its neighbours' blur.
MARGIN = 10
# A cell must differ from the middle between black and white by this much of their distance.
SURE = 0.2

TONE_HZ = 1000.0
TONE_SECONDS = 0.2

WIDTH, HEIGHT = 1280, 720
BLACK, WHITE, GROUND, NO_COLOUR = 16, 235, 38, 128


def frame_number(luma):
    """The number in the cells along the top edge, or None where they cannot be read. A picture of half the size has half the
    cells."""
    scale = 2 if luma.shape[1] == WIDTH // 2 else 1
    cell, margin = CELL // scale, MARGIN // scale
    if luma.shape[0] < cell or luma.shape[1] < CELLS * cell:
        return None
    row = luma[margin : cell - margin, : CELLS * cell].astype(numpy.float32)
    levels = [row[:, i * cell + margin : (i + 1) * cell - margin].mean() for i in range(CELLS)]
    white, black = (levels[0] + levels[CELLS - 1]) / 2, levels[1]
    span = white - black
    if span < 64:
        return None
    shades = [(level - black) / span - 0.5 for level in levels]
    if any(abs(shade) < SURE for shade in shades):
        return None
    bits = [shade > 0 for shade in shades]
    if not (bits[0] and not bits[1] and bits[CELLS - 1]):
        return None
    data = bits[FIRST_BIT : FIRST_BIT + BITS]
    if sum(data) % 2 != bits[PARITY]:
        return None
    return sum(1 << i for i, bit in enumerate(data) if bit)


def tone(samples, rate):
    """The tone's frequency and the part of the time it sounds, over all samples (mono, -1 to 1)."""
    window = rate // 50
    count = len(samples) // window
    if count == 0:
        return 0.0, 0.0
    frames = samples[: count * window].reshape(count, window)
    loud = numpy.sqrt((frames**2).mean(axis=1)) > 0.02
    if not loud.any():
        return 0.0, 0.0
    # The longest stretch of sound, so that the silence between does not smear the spectrum.
    edges = numpy.flatnonzero(numpy.diff(numpy.concatenate(([0], loud.view(numpy.int8), [0]))))
    starts, ends = edges[::2], edges[1::2]
    best = int(numpy.argmax(ends - starts))
    stretch = samples[starts[best] * window : ends[best] * window]
    size = max(1 << 17, len(stretch))
    spectrum = numpy.abs(numpy.fft.rfft(stretch * numpy.hanning(len(stretch)), size))
    return float(numpy.argmax(spectrum) * rate / size), float(loud.mean())


def picture(number, scale=1):
    """The cells of a number above plain ground, as planes of I420 one below the other; smaller by a whole scale."""
    cell, width, height = CELL // scale, WIDTH // scale, HEIGHT // scale
    planes = numpy.full((height * 3 // 2, width), NO_COLOUR, numpy.uint8)
    planes[:height] = GROUND
    bits = [number >> i & 1 for i in range(BITS)]
    for i, white in enumerate([1, 0, *bits, sum(bits) % 2, 1]):
        planes[:cell, i * cell : (i + 1) * cell] = WHITE if white else BLACK
    # Something that moves, for the encoder to follow.
    left = number * 8 // scale % (width - cell)
    planes[height // 2 : height // 2 + cell, left : left + cell] = WHITE
    return planes


def tone_samples(position, count, rate):
    """Samples from a position on, mono, 16 bits."""
    at = (position + numpy.arange(count)) % rate
    wave = numpy.sin(2 * numpy.pi * TONE_HZ * at / rate) * 0.25 * 32767
    return numpy.where(at < TONE_SECONDS * rate, wave, 0).astype(numpy.int16)
