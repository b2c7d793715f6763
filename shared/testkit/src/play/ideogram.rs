//! Ideogram 3.0: one call that answers with the pictures.

use serde_json::{Map, Value, json};

use super::{Plan, Stage, number, text};
use crate::{
    reply::{Reply, fresh_id},
    schema::{self, Field, Kind, Violation, may, must, sides},
    upstream::{Seen, Upstream},
};

/// Shapes, and the resolution that each has if none is asked for.
const SHAPES: [(&str, &str); 15] = [
    ("1x1", "1024x1024"),
    ("1x2", "704x1408"),
    ("1x3", "512x1536"),
    ("2x1", "1408x704"),
    ("2x3", "832x1248"),
    ("3x1", "1536x512"),
    ("3x2", "1248x832"),
    ("3x4", "864x1152"),
    ("4x3", "1152x864"),
    ("4x5", "896x1120"),
    ("5x4", "1120x896"),
    ("9x16", "736x1312"),
    ("10x16", "800x1280"),
    ("16x9", "1312x736"),
    ("16x10", "1280x800"),
];

const ASPECTS: &[&str] = &[
    "1x3", "3x1", "1x2", "2x1", "9x16", "16x9", "10x16", "16x10", "2x3", "3x2", "3x4", "4x3",
    "4x5", "5x4", "1x1",
];

const RESOLUTIONS: &str = "\
    512x1536 576x1408 576x1472 576x1536 640x1344 640x1408 640x1472 640x1536 704x1152 704x1216 \
    704x1280 704x1344 704x1408 704x1472 736x1312 768x1088 768x1216 768x1280 768x1344 800x1280 \
    832x960 832x1024 832x1088 832x1152 832x1216 832x1248 864x1152 896x960 896x1024 896x1088 \
    896x1120 896x1152 960x832 960x896 960x1024 960x1088 1024x832 1024x896 1024x960 1024x1024 \
    1088x768 1088x832 1088x896 1088x960 1120x896 1152x704 1152x832 1152x864 1152x896 1216x704 \
    1216x768 1216x832 1248x832 1280x704 1280x768 1280x800 1312x736 1344x640 1344x704 1344x768 \
    1408x576 1408x640 1408x704 1472x576 1472x640 1472x704 1536x512 1536x576 1536x640";

pub(super) const PRESETS: &str = "\
    80S_ILLUSTRATION 90S_NOSTALGIA ABSTRACT_ORGANIC ANALOG_NOSTALGIA ART_BRUT ART_DECO ART_POSTER \
    AURA AVANT_GARDE BAUHAUS BLUEPRINT BLURRY_MOTION BRIGHT_ART C4D_CARTOON CHILDRENS_BOOK \
    COLLAGE COLORING_BOOK_I COLORING_BOOK_II CUBISM DARK_AURA DOODLE DOUBLE_EXPOSURE \
    DRAMATIC_CINEMA EDITORIAL EMOTIONAL_MINIMAL ETHEREAL_PARTY EXPIRED_FILM FLAT_ART FLAT_VECTOR \
    FOREST_REVERIE GEO_MINIMALIST GLASS_PRISM GOLDEN_HOUR GRAFFITI_I GRAFFITI_II HALFTONE_PRINT \
    HIGH_CONTRAST HIPPIE_ERA ICONIC JAPANDI_FUSION JAZZY LONG_EXPOSURE MAGAZINE_EDITORIAL \
    MINIMAL_ILLUSTRATION MIXED_MEDIA MONOCHROME NIGHTLIFE OIL_PAINTING OLD_CARTOONS PAINT_GESTURE \
    POP_ART RETRO_ETCHING RIVIERA_POP SPOTLIGHT_80S STYLIZED_RED SURREAL_COLLAGE TRAVEL_POSTER \
    VINTAGE_GEO VINTAGE_POSTER WATERCOLOR WEIRD WOODBLOCK_PRINT";

const FIELDS: &[Field] = &[
    must("prompt", Kind::Filled),
    may("seed", Kind::Whole(0, 2_147_483_647)),
    may("resolution", Kind::Word(RESOLUTIONS)),
    may("aspect_ratio", Kind::OneOf(ASPECTS)),
    may("rendering_speed", Kind::OneOf(&["FLASH", "TURBO", "BALANCED", "DEFAULT", "QUALITY"])),
    may("magic_prompt", Kind::OneOf(&["AUTO", "ON", "OFF"])),
    may("negative_prompt", Kind::Text),
    may("num_images", Kind::Whole(1, 8)),
    may("color_palette", Kind::Anything),
    may("style_codes", Kind::List(&Kind::Hex(8))),
    may(
        "style_type",
        Kind::OneOf(&["AUTO", "GENERAL", "REALISTIC", "DESIGN", "CUSTOM", "FICTION", "STYLIZED"]),
    ),
    may("style_preset", Kind::Word(PRESETS)),
    may("custom_model_uri", Kind::Text),
];

/// Those that exclude each other.
const EXCLUSIVE: [(&str, &str); 2] =
    [("aspect_ratio", "resolution"), ("style_codes", "style_type")];

/// Plays Ideogram 3.0: `POST /v1/ideogram-v3/generate`, with the key in `Api-Key`. The body may be
/// JSON or a multipart form without files. `num_images` pictures an order.
pub fn ideogram(upstream: &Upstream, plan: Plan) {
    let stage = Stage::new(upstream, plan);
    let generate = Reply::with(move |seen| generate(&stage, seen));
    upstream.on("POST", "/v1/ideogram-v3/generate", generate);
}

fn generate(stage: &Stage, seen: &Seen) -> Reply {
    if !stage.knows(seen, "api-key", &stage.plan.key) {
        return Reply::fixture("ideogram/401");
    }
    let input = match input(seen) {
        Ok(input) => input,
        Err(wrong) => {
            stage.object_to_all(seen, &wrong);
            let lines: Vec<_> = wrong.iter().map(Violation::line).collect();
            return Reply::fixture("ideogram/400").set("/error", json!(lines.join("; ")));
        }
    };
    let id = fresh_id();
    let aspect = text(&input, "aspect_ratio").unwrap_or("1x1");
    let standard = SHAPES.iter().find(|(known, _)| *known == aspect).map(|(_, size)| *size);
    let resolution = text(&input, "resolution").or(standard).expect("a known shape");
    stage.hang(&id, sides(resolution, 'x').expect("a known resolution"));
    let first = number(&input, "seed", 12345);
    let data = (0..number(&input, "num_images", 1)).map(|index| {
        json!({
            "url": stage.picture(&id, index, "png"),
            "prompt": text(&input, "prompt"),
            "resolution": resolution,
            "is_image_safe": true,
            "seed": first.saturating_add(index),
            "style_type": text(&input, "style_type").unwrap_or("GENERAL"),
        })
    });
    Reply::fixture("ideogram/ok_1").set("/data", Value::Array(data.collect()))
}

fn input(seen: &Seen) -> Result<Map<String, Value>, Vec<Violation>> {
    let content_type = seen.header("content-type").unwrap_or_default();
    let input = match content_type.split_once("boundary=") {
        Some((_, boundary)) => {
            let form = form(&seen.body, boundary.trim_matches('"'));
            schema::check(&Value::Object(form).to_string().into_bytes(), FIELDS)?
        }
        None if content_type.starts_with("application/json") => schema::check(&seen.body, FIELDS)?,
        None => {
            let place = ["header".to_owned(), "content-type".to_owned()];
            return Err(vec![Violation::new(&place, "value_error", "neither JSON nor a form")]);
        }
    };
    let clash = EXCLUSIVE
        .iter()
        .find(|(one, other)| input.contains_key(*one) && input.contains_key(*other));
    match clash {
        None => Ok(input),
        Some((one, other)) => {
            let place = ["body".to_owned(), (*one).to_owned()];
            let message = format!("cannot be used in conjunction with {other}");
            Err(vec![Violation::new(&place, "value_error", message)])
        }
    }
}

/// The fields of a form, with those that are numbers or lists in JSON as that.
fn form(body: &[u8], boundary: &str) -> Map<String, Value> {
    let body = String::from_utf8_lossy(body);
    let mut fields = Map::new();
    for part in body.split(&format!("--{boundary}")) {
        let Some((head, value)) = part.split_once("\r\n\r\n") else { continue };
        let Some((_, name)) = head.split_once("name=\"") else { continue };
        let Some((name, _)) = name.split_once('"') else { continue };
        let value = value.strip_suffix("\r\n").unwrap_or(value);
        let value = match name {
            "seed" | "num_images" | "color_palette" => serde_json::from_str(value).ok(),
            _ => None,
        }
        .unwrap_or_else(|| json!(value));
        match (name, fields.get_mut(name)) {
            ("style_codes", Some(Value::Array(codes))) => codes.push(value),
            ("style_codes", _) => {
                fields.insert(name.to_owned(), json!([value]));
            }
            (_, _) => {
                fields.insert(name.to_owned(), value);
            }
        }
    }
    fields
}
