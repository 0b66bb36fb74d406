use std::io::{self, Read};

/// A text whose line breaks all become `\n`, also those of Windows and of old Macs.
///
/// The CSV parser counts `\n` only, and begins to count with the one that belongs to the line before: with other line breaks its
/// numbers would be wrong.
#[derive(Debug)]
pub(in crate::job) struct LineBreaks<R> {
    source: R,
    is_after_return: bool,
}

impl<R> LineBreaks<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, is_after_return: false }
    }

    /// Rewrites the line breaks in place and returns the new length.
    fn rewrite(&mut self, bytes: &mut [u8]) -> usize {
        if !self.is_after_return && !bytes.contains(&b'\r') {
            return bytes.len();
        }
        let mut length = 0;
        for place in 0..bytes.len() {
            let byte = bytes[place];
            let is_second_half = byte == b'\n' && self.is_after_return;
            self.is_after_return = byte == b'\r';
            if !is_second_half {
                bytes[length] = if byte == b'\r' { b'\n' } else { byte };
                length += 1;
            }
        }
        length
    }
}

impl<R: Read> Read for LineBreaks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.source.read(buffer)?;
            let length = self.rewrite(&mut buffer[..read]);
            // Nothing left of something read is not the end.
            if length > 0 || read == 0 {
                return Ok(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out so many bytes at a time.
    struct Sip<'a>(&'a [u8], usize);

    impl Read for Sip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len());
            self.0.read(&mut buffer[..length])
        }
    }

    #[test]
    fn every_line_break_becomes_one_wherever_the_reads_fall() {
        for size in 1..8 {
            let mut text = String::new();
            let source = Sip(b"a\nb\r\nc\rd\r\n\r\ne\n\rf\r\r\n\n", size);
            LineBreaks::new(source).read_to_string(&mut text).expect("text");
            assert_eq!(text, "a\nb\nc\nd\n\ne\n\nf\n\n\n", "{size} bytes at a time");
        }
    }
}
