/// Makes inputs of other inputs, always the same of the same seed.
pub struct Mutator(fastrand::Rng);

/// What parsers trip over.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\"",
    b"\"\"",
    b"\r\n",
    b"\n",
    b",",
    b";",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\xEF\xBB\xBF",
    b"\xFF",
    b"\xC3",
    b"\xE2\x80\xAE",
    b"true",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\\u0000",
    b"\\ud800",
    b"@",
    b".",
    b"..",
    b"xn--",
    b"=",
    b"%",
    b"\t",
    b"DEV_0123456789abcdefghijABCDEFGH",
    b"Mon, 23 Nov 2026 11:07:30 GMT",
    b"Fri, 31 Dec 9999 23:59:59 GMT",
    b"\xF0\x9F\x8E\x89",
    b"\xCC\x81",
];

impl Mutator {
    /// A mutator that follows a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// One of the inputs, changed in one to eight places.
    pub fn mutate(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut data = self.choose(inputs).cloned().unwrap_or_default();
        for _ in 0..self.0.u8(1..=8) {
            let position = self.0.usize(..=data.len());
            match self.0.u8(..6) {
                0 => data.truncate(position),
                1 => {
                    if let Some(byte) = data.get_mut(position) {
                        *byte ^= 1 << self.0.u8(..8);
                    }
                }
                2 => {
                    let token = self.choose(TOKENS).copied().unwrap_or_default();
                    data.splice(position..position, token.iter().copied());
                }
                3 => {
                    let end = self.0.usize(position..=data.len());
                    data.drain(position..end);
                }
                4 => {
                    let other = self.choose(inputs).cloned().unwrap_or_default();
                    let end = self.0.usize(..=other.len());
                    data.splice(position..position, other.into_iter().take(end));
                }
                _ => {
                    let end = self.0.usize(position..=data.len());
                    let part = data.get(position..end).unwrap_or_default().repeat(self.0.usize(..4));
                    data.splice(position..position, part);
                }
            }
            data.truncate(64 << 10);
        }
        data
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.0.usize(..from.len())) }
    }
}
