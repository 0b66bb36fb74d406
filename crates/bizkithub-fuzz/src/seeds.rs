use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::ArrowError;
use bizkithub::job::{Batch, CustomerKey, Entry, GroupKey, KnownGroup, Ledger, Verdict};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::target::{scratch, with_ledger};

/// The inputs that a target begins with: those of the vectors that are of its kind, and for a ledger one that was just made.
///
/// # Errors
///
/// When the vectors cannot be read.
pub fn seeds(target: &str) -> std::io::Result<Vec<Vec<u8>>> {
    match target {
        "response" => cases("responses", |case| {
            let status = u16::try_from(case["status"].as_u64()?).ok()?.checked_sub(100)?;
            let body = case["json"].as_object().map(|_| case["json"].to_string());
            let body = body.or_else(|| Some(case["body"].as_str()?.to_owned())).unwrap_or_default();
            Some([&status.to_be_bytes(), body.as_bytes()].concat())
        }),
        "quota_headers" => cases("responses", |case| {
            let headers = case["headers"].as_object()?;
            let line = |(name, value): (&String, &Value)| Some(format!("{name}: {}\n", value.as_str()?));
            Some(headers.iter().filter_map(line).collect::<String>().into_bytes())
        }),
        "csv" => cases("plans", |case| {
            let cell =
                |value: &Value| value.as_str().map_or_else(|| value.to_string(), |text| text.replace('"', "\"\""));
            let line = |row: &Value| {
                format!("\"{}\",\"{}\",\"{}\"\n", cell(&row["email"]), cell(&row["cuRefNo"]), cell(&row["groups"]))
            };
            let rows: String = case["rows"].as_array()?.iter().map(line).collect();
            Some(format!("email,cuRefNo,groups\n{rows}").into_bytes())
        }),
        "ndjson" => cases("plans", |case| {
            Some(case["rows"].as_array()?.iter().map(|row| format!("{row}\n")).collect::<String>().into_bytes())
        }),
        "arrow" => ipc().map_err(std::io::Error::other),
        "parquet" => parquet_files().map_err(std::io::Error::other),
        "ledger" => ledger().map(|file| vec![file]),
        "email" => cases("emails", input),
        "settings" => cases("base-urls", input),
        _ => cases("groups", input),
    }
}

/// Rows with every type of column that is read.
fn batch() -> Result<RecordBatch, ArrowError> {
    let emails: ArrayRef = Arc::new(StringArray::from(vec![Some("jan@barasek.com"), None, Some("nobody")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1_234_567_890_123_456), None, Some(7)]));
    let mut groups = ListBuilder::new(StringDictionaryBuilder::<Int32Type>::new());
    for texts in [Some(vec!["vip", "sale"]), Some(Vec::new()), None] {
        groups.append_option(texts.map(|texts| texts.into_iter().map(Some)));
    }
    RecordBatch::try_from_iter([
        ("email", emails),
        ("cuRefNo", numbers),
        ("groups", Arc::new(groups.finish()) as ArrayRef),
    ])
}

/// A stream and a file.
fn ipc() -> Result<Vec<Vec<u8>>, ArrowError> {
    let batch = batch()?;
    let (mut stream, mut file) = (Vec::new(), Vec::new());
    let mut writer = StreamWriter::try_new(&mut stream, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    let mut writer = FileWriter::try_new(&mut file, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    drop(writer);
    Ok(vec![stream, file])
}

fn parquet_files() -> Result<Vec<Vec<u8>>, ParquetError> {
    let batch = batch()?;
    let compressions = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())];
    let written = compressions.into_iter().map(|compression| {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(file)
    });
    written.collect()
}

fn ledger() -> std::io::Result<Vec<u8>> {
    let folder = scratch();
    let path = folder.path().join("seed.ledger");
    let entry = Entry { customer: CustomerKey([7; 16]), group: GroupKey(1), at: 1, verdict: Verdict::Acknowledged };
    let group = KnownGroup { key: GroupKey(1), slug: "vip".to_owned(), text: "VIP".to_owned(), at: 1 };
    let made = with_ledger(&path, async |ledger| {
        ledger.record(Batch { entries: vec![entry], groups: vec![group] }).await?;
        ledger.compact().await
    });
    made.map_err(std::io::Error::other)?;
    fs::read(path)
}

fn input(case: &Value) -> Option<Vec<u8>> {
    Some(case["input"].as_str()?.as_bytes().to_vec())
}

fn cases(file: &str, seed: impl Fn(&Value) -> Option<Vec<u8>>) -> std::io::Result<Vec<Vec<u8>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(format!("{file}.json"));
    let vectors: Value = serde_json::from_slice(&fs::read(path)?)?;
    Ok(vectors["cases"].as_array().into_iter().flatten().filter_map(seed).collect())
}
