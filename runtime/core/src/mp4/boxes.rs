//! A box: how long it is, what it is called, and what is in it (§4.2).

pub(super) fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let length = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut all = Vec::with_capacity(length);
    // None of ours comes near: fragments are bounded.
    all.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    all.extend(name);
    parts.iter().for_each(|part| all.extend_from_slice(part));
    all
}

/// One that has a version, and flags.
pub(super) fn full(name: &[u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let head = (u32::from(version) << 24 | flags).to_be_bytes();
    let parts: Vec<&[u8]> = std::iter::once(&head[..]).chain(parts.iter().copied()).collect();
    boxed(name, &parts)
}

pub(super) fn words<const N: usize>(words: [u32; N]) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_be_bytes).collect()
}
