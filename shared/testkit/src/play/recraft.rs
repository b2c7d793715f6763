//! Recraft V3: one call that answers with the pictures and with what they cost.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{Plan, Stage, number, text};
use crate::{
    picture,
    reply::{Reply, fresh_id},
    schema::{self, Field, Kind, Violation, may, must, sides},
    upstream::{Seen, Upstream},
};

/// The sizes of V3, with those that are shapes first.
const SIZES: &[&str] = &[
    "1:1",
    "2:1",
    "1:2",
    "3:2",
    "2:3",
    "4:3",
    "3:4",
    "5:4",
    "4:5",
    "6:10",
    "14:10",
    "10:14",
    "16:9",
    "9:16",
    "1024x1024",
    "2048x1024",
    "1024x2048",
    "1536x1024",
    "1024x1536",
    "1365x1024",
    "1024x1365",
    "1280x1024",
    "1024x1280",
    "1024x1707",
    "1434x1024",
    "1024x1434",
    "1820x1024",
    "1024x1820",
];

/// Of all models: the specification does not say which of them V3 has.
const SUBSTYLES: &str = "\
    2d_art_poster 3d 80s glow grain hand_drawn infantile_sketch kawaii pixel_art psychedelic \
    seamless voxel watercolor broken_line colored_outline colored_shapes colored_shapes_gradient \
    doodle_fill doodle_offset_fill offset_fill outline outline_gradient cartoon doodle_line_art \
    engraving flat_2 line_art linocut b_and_w enterprise hard_flash hdr motion_blur natural_light \
    studio_portrait line_circuit 2d_art_poster_2 engraving_color hand_drawn_outline handmade_3d \
    plastic pictogram antiquarian bold_fantasy child_book cover crosshatch digital_engraving \
    expressionism freehand_details grain_20 graphic_intensity hard_comics long_shadow modern_folk \
    multicolor neon_calm noir nostalgic_pastel outline_details pastel_gradient pastel_sketch \
    pop_art pop_renaissance street_art tablet_sketch urban_glow urban_sketching young_adult_book \
    young_adult_book_2 evening_light faded_nostalgia forest_life mystic_naturalism natural_tones \
    organic_calm real_life_glow retro_realism retro_snapshot urban_drama village_realism \
    warm_folk bold_stroke chemistry colored_stencil cosmics cutout depressive editorial \
    emotional_flat marker_outline mosaic naivector roundish_flat segmented_colors sharp_contrast \
    thin vector_photo vivid_shapes emblem_graffiti emblem_pop_art emblem_punk emblem_stamp \
    emblem_vintage";

const COLOR: Kind = Kind::Record(&[
    must("rgb", Kind::List(&Kind::Whole(0, 255))),
    may("std", Kind::List(&Kind::Number(0.0, 255.0))),
    may("weight", Kind::Number(0.0, 1.0)),
]);

const FIELDS: &[Field] = &[
    must("prompt", Kind::Short(1000)),
    // Without a model one gets another than V3, at another price: a mistake for an adapter of V3.
    must("model", Kind::OneOf(&["recraftv3", "recraftv3_raster", "recraftv3_vector"])),
    may("n", Kind::Whole(1, 6)),
    may("size", Kind::OneOf(SIZES)),
    may("style", Kind::Filled),
    may("substyle", Kind::Word(SUBSTYLES)),
    may("style_id", Kind::Filled),
    may("response_format", Kind::OneOf(&["url", "b64_json"])),
    may("random_seed", Kind::Whole(0, 4_294_967_295)),
    may("negative_prompt", Kind::Text),
    may(
        "controls",
        Kind::Record(&[
            may("artistic_level", Kind::Whole(0, 5)),
            may("background_color", COLOR),
            may("colors", Kind::List(&COLOR)),
            may("no_text", Kind::Flag),
        ]),
    ),
    may("text_layout", Kind::Anything),
    may("image_format", Kind::OneOf(&["webp", "png"])),
    may("upscale", Kind::OneOf(&["upscale4mp", "upscale16mp"])),
    may("style_match", Kind::OneOf(&["regular", "precise", "flexible"])),
    may("creativity", Kind::OneOf(&["simple", "standard", "eccentric"])),
    may("block_nsfw", Kind::Flag),
    may("calculate_features", Kind::Flag),
    may("expire", Kind::Flag),
    may("style_reference_urls", Kind::List(&Kind::Picture)),
];

/// Units, of a tenth of a cent, for a raster picture; a vector costs twice as much.
const RASTER: u64 = 40;

/// Plays Recraft V3: `POST /v1/images/generations`, with the key in `Authorization: Bearer`. `n`
/// pictures an order, as WebP unless PNG is asked for. Vectors are billed as such, but come as
/// pictures of points all the same.
pub fn recraft(upstream: &Upstream, plan: Plan) {
    let stage = Stage::new(upstream, plan);
    let generate = Reply::with(move |seen| generate(&stage, seen));
    upstream.on("POST", "/v1/images/generations", generate);
}

fn generate(stage: &Stage, seen: &Seen) -> Reply {
    if !stage.knows(seen, "authorization", &format!("Bearer {}", stage.plan.key)) {
        return Reply::fixture("recraft/401");
    }
    let input = match input(seen) {
        Ok(input) => input,
        Err(wrong) => {
            stage.object_to_all(seen, &wrong);
            let lines: Vec<_> = wrong.iter().map(Violation::line).collect();
            return Reply::fixture("recraft/400").set("/message", json!(lines.join("; ")));
        }
    };
    let size = text(&input, "size").unwrap_or("1024x1024");
    let shape = sides(size, 'x').or_else(|| sides(size, ':')).expect("a known size");
    let extension = text(&input, "image_format").unwrap_or("webp");
    let inline = text(&input, "response_format") == Some("b64_json");
    let count = number(&input, "n", 1);
    let vector = text(&input, "model") == Some("recraftv3_vector")
        || text(&input, "style").is_some_and(|style| style.starts_with("vector_illustration"));
    let each = if vector { RASTER.saturating_mul(2) } else { RASTER };
    let data = (0..count).map(|index| {
        let id = fresh_id();
        let small = stage.hang(&id, shape);
        if !inline {
            return json!({ "image_id": id, "url": stage.picture(&id, index, extension) });
        }
        let (_, bytes) =
            picture::with_extension(extension, small, stage.plan.metadata).expect("a known format");
        json!({ "image_id": id, "b64_json": STANDARD.encode(bytes) })
    });
    Reply::fixture("recraft/ok")
        .set("/data", Value::Array(data.collect()))
        .set("/credits", json!(each.saturating_mul(count)))
}

fn input(seen: &Seen) -> Result<Map<String, Value>, Vec<Violation>> {
    let input = schema::check(&seen.body, FIELDS)?;
    if input.contains_key("style") && input.contains_key("style_id") {
        let place = ["body".to_owned(), "style_id".to_owned()];
        let message = "style and style_id are mutually exclusive";
        return Err(vec![Violation::new(&place, "value_error", message)]);
    }
    Ok(input)
}
