//! Keeping what an upstream delivered: nothing has succeeded before its bytes are in our store.

use anyhow::Context;
use domain::{
    failure::Failure,
    job::{Delivered, Ending, Image, Job},
};
use futures_util::future::try_join_all;
use providers::Picture;
use runtime::images;

use crate::App;

/// Puts the pictures of a job into the store, no more of them than were ordered, and says how the
/// job ends with them.
///
/// # Errors
/// If the store did not take them all. The job has not ended then, and the task can be asked again.
pub(crate) async fn keep(app: &App, job: &Job, pictures: Vec<Picture>) -> anyhow::Result<Ending> {
    let ordered = usize::from(job.order.n.get());
    let kept = pictures.into_iter().take(ordered).enumerate();
    let images = try_join_all(kept.map(|(index, picture)| put(app, job, index, picture))).await?;
    let delivered = Delivered::new(images).map(Ending::Succeeded);
    Ok(delivered.unwrap_or(Ending::Failed(Failure::OutputInvalid.into())))
}

async fn put(app: &App, job: &Job, index: usize, picture: Picture) -> anyhow::Result<Image> {
    let image = Image {
        key: images::key(&job.id, index),
        width: picture.width(),
        height: picture.height(),
        content_type: picture.content_type().to_owned(),
        seed: picture.seed(),
    };
    let put = app.images.put(&image.key, picture.content_type(), picture.into_bytes());
    put.await.context("a picture could not be kept")?;
    Ok(image)
}
