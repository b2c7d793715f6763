//! The models of fal: what each takes, and what its pictures are like.

use crate::{
    play::ideogram::PRESETS,
    schema::{Field, Kind, may, must},
};

const SEED: Kind = Kind::Whole(i64::MIN, i64::MAX);
const RATIO: Kind =
    Kind::OneOf(&["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]);
const FORMAT: Kind = Kind::OneOf(&["jpeg", "png"]);
const TOLERANCE: Kind = Kind::OneOf(&["1", "2", "3", "4", "5", "6"]);
const STYLES: &str = "\
    any realistic_image digital_illustration vector_illustration realistic_image/b_and_w \
    realistic_image/hard_flash realistic_image/hdr realistic_image/natural_light \
    realistic_image/studio_portrait realistic_image/enterprise realistic_image/motion_blur \
    realistic_image/evening_light realistic_image/faded_nostalgia realistic_image/forest_life \
    realistic_image/mystic_naturalism realistic_image/natural_tones realistic_image/organic_calm \
    realistic_image/real_life_glow realistic_image/retro_realism realistic_image/retro_snapshot \
    realistic_image/urban_drama realistic_image/village_realism realistic_image/warm_folk \
    digital_illustration/pixel_art digital_illustration/hand_drawn digital_illustration/grain \
    digital_illustration/infantile_sketch digital_illustration/2d_art_poster \
    digital_illustration/handmade_3d digital_illustration/hand_drawn_outline \
    digital_illustration/engraving_color digital_illustration/2d_art_poster_2 \
    digital_illustration/antiquarian digital_illustration/bold_fantasy \
    digital_illustration/child_book digital_illustration/child_books digital_illustration/cover \
    digital_illustration/crosshatch digital_illustration/digital_engraving \
    digital_illustration/expressionism digital_illustration/freehand_details \
    digital_illustration/grain_20 digital_illustration/graphic_intensity \
    digital_illustration/hard_comics digital_illustration/long_shadow \
    digital_illustration/modern_folk digital_illustration/multicolor \
    digital_illustration/neon_calm digital_illustration/noir \
    digital_illustration/nostalgic_pastel digital_illustration/outline_details \
    digital_illustration/pastel_gradient digital_illustration/pastel_sketch \
    digital_illustration/pop_art digital_illustration/pop_renaissance \
    digital_illustration/street_art digital_illustration/tablet_sketch \
    digital_illustration/urban_glow digital_illustration/urban_sketching \
    digital_illustration/vanilla_dreams digital_illustration/young_adult_book \
    digital_illustration/young_adult_book_2 vector_illustration/bold_stroke \
    vector_illustration/chemistry vector_illustration/colored_stencil \
    vector_illustration/contour_pop_art vector_illustration/cosmics vector_illustration/cutout \
    vector_illustration/depressive vector_illustration/editorial \
    vector_illustration/emotional_flat vector_illustration/infographical \
    vector_illustration/marker_outline vector_illustration/mosaic vector_illustration/naivector \
    vector_illustration/roundish_flat vector_illustration/segmented_colors \
    vector_illustration/sharp_contrast vector_illustration/thin vector_illustration/vector_photo \
    vector_illustration/vivid_shapes vector_illustration/engraving vector_illustration/line_art \
    vector_illustration/line_circuit vector_illustration/linocut";
const COLOR: Kind = Kind::Record(&[
    must("r", Kind::Whole(0, 255)),
    must("g", Kind::Whole(0, 255)),
    must("b", Kind::Whole(0, 255)),
]);
const SIZE: Kind = Kind::Either(
    &Kind::OneOf(&[
        "square_hd",
        "square",
        "portrait_4_3",
        "portrait_16_9",
        "landscape_4_3",
        "landscape_16_9",
    ]),
    &Kind::Record(&[must("width", Kind::Whole(1, 14142)), must("height", Kind::Whole(1, 14142))]),
);

const ULTRA: &[Field] = &[
    must("prompt", Kind::Text),
    may("seed", SEED),
    may("sync_mode", Kind::Flag),
    may("num_images", Kind::Whole(1, 4)),
    may("output_format", FORMAT),
    may("safety_tolerance", TOLERANCE),
    may("enhance_prompt", Kind::Flag),
    may("image_url", Kind::Picture),
    may("image_prompt_strength", Kind::Number(0.0, 1.0)),
    // The schema takes any text beside the enum; what is no ratio, the model does not.
    may("aspect_ratio", Kind::Either(&RATIO, &Kind::Ratio)),
    may("raw", Kind::Flag),
];

const KONTEXT: &[Field] = &[
    must("prompt", Kind::Text),
    must("image_url", Kind::Picture),
    may("seed", SEED),
    may("guidance_scale", Kind::Number(1.0, 20.0)),
    may("sync_mode", Kind::Flag),
    may("num_images", Kind::Whole(1, 4)),
    may("output_format", FORMAT),
    may("safety_tolerance", TOLERANCE),
    may("enhance_prompt", Kind::Flag),
    may("aspect_ratio", RATIO),
];

const IDEOGRAM: &[Field] = &[
    must("prompt", Kind::Text),
    may("image_urls", Kind::List(&Kind::Picture)),
    may("rendering_speed", Kind::OneOf(&["TURBO", "BALANCED", "QUALITY"])),
    may("color_palette", Kind::Anything),
    may("style_codes", Kind::List(&Kind::Hex(8))),
    may("style", Kind::OneOf(&["AUTO", "GENERAL", "REALISTIC", "DESIGN"])),
    may("style_preset", Kind::Word(PRESETS)),
    may("expand_prompt", Kind::Flag),
    may("num_images", Kind::Whole(1, 8)),
    may("seed", SEED),
    may("sync_mode", Kind::Flag),
    may("image_size", SIZE),
    may("negative_prompt", Kind::Text),
];

const RECRAFT: &[Field] = &[
    // fal publishes no limit; this is the one of the model behind it.
    must("prompt", Kind::Short(1000)),
    may("image_size", SIZE),
    may("style", Kind::Word(STYLES)),
    may("colors", Kind::List(&COLOR)),
    may("style_id", Kind::Filled),
    may("enable_safety_checker", Kind::Flag),
];

/// What differs between the models.
#[derive(Clone, Copy)]
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) result: &'static str,
    pub(super) format: &'static str,
    pub(super) shape: (u32, u32),
}

pub(super) const ALL: [Model; 4] = [
    Model {
        id: "fal-ai/flux-pro/v1.1-ultra",
        fields: ULTRA,
        result: "fal/result_flux_ultra",
        format: "jpeg",
        shape: (16, 9),
    },
    Model {
        id: "fal-ai/flux-pro/kontext",
        fields: KONTEXT,
        result: "fal/result_flux_kontext",
        format: "jpeg",
        shape: (1, 1),
    },
    Model {
        id: "fal-ai/ideogram/v3",
        fields: IDEOGRAM,
        result: "fal/result_ideogram",
        format: "png",
        shape: (1, 1),
    },
    Model {
        id: "fal-ai/recraft/v3/text-to-image",
        fields: RECRAFT,
        result: "fal/result_recraft",
        format: "webp",
        shape: (1, 1),
    },
];

/// The ids of the models that are played.
pub const MODELS: [&str; 4] = {
    let [ultra, kontext, ideogram, recraft] = ALL;
    [ultra.id, kontext.id, ideogram.id, recraft.id]
};
