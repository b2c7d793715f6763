//! Lists, page by page.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, de::DeserializeOwned};

use crate::{Client, Error};

/// Rows of a page, unless the caller says otherwise.
const LIMIT: u8 = 100;

/// A part of a list.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows, the newest first.
    pub data: Vec<T>,
    /// What the next part begins with; none if this is the last.
    pub next_cursor: Option<String>,
}

/// A list that is read page by page.
pub struct Pages<'a, T> {
    client: &'a Client,
    path: &'static str,
    filter: Option<(&'static str, String)>,
    limit: u8,
    cursor: Option<String>,
    ended: bool,
    rows: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Pages<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages({})", self.path)
    }
}

impl<'a, T: DeserializeOwned> Pages<'a, T> {
    pub(crate) fn new(
        client: &'a Client,
        path: &'static str,
        filter: Option<(&'static str, String)>,
    ) -> Self {
        Self { client, path, filter, limit: LIMIT, cursor: None, ended: false, rows: PhantomData }
    }

    /// So many rows of a page, 1 to 100.
    #[must_use]
    pub fn limit(self, limit: u8) -> Self {
        Self { limit, ..self }
    }

    /// From where an earlier page ended.
    #[must_use]
    pub fn after(self, cursor: impl Into<String>) -> Self {
        Self { cursor: Some(cursor.into()), ..self }
    }

    /// The next page; none after the last. After an error, the same page is asked for again.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn next(&mut self) -> Result<Option<Page<T>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let mut query = vec![("limit", self.limit.to_string())];
        query.extend(self.filter.clone());
        query.extend(self.cursor.clone().map(|cursor| ("cursor", cursor)));
        let page: Page<T> = self.client.page(self.path, &query).await?;
        self.cursor.clone_from(&page.next_cursor);
        self.ended = self.cursor.is_none();
        Ok(Some(page))
    }

    /// All rows that are left.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        while let Some(page) = self.next().await? {
            rows.extend(page.data);
        }
        Ok(rows)
    }
}
