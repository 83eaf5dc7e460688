//! Answers the forms: runs the server function and leads the browser on with `303 See Other`, or to a page that says
//! what went wrong.

use app::AppError;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use leptos_axum::handle_server_fns_with_context;

/// Bodies of errors are our own and short.
const ERROR_BYTES: usize = 64 * 1024;

pub(super) async fn answer(context: impl Fn() + Clone + Send + 'static, mut request: Request) -> Response {
    // A part of a page that asks for its own fresh HTML (`app::live`): the answer itself, not a way on.
    let is_live = request.headers().get(header::ACCEPT).is_some_and(|accept| accept == "application/json");
    // With `Accept: text/html` the framework would answer errors itself, by a redirect that carries them in the address.
    request.headers_mut().remove(header::ACCEPT);
    let came_from = page_of(request.headers());
    let mut response = handle_server_fns_with_context(context, request).await.into_response();
    response.headers_mut().remove("serverfnredirect");
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    let status = response.status();
    if is_live {
        return if status.is_success() { response } else { refused(response).await };
    }
    if status.is_success() || status.is_redirection() {
        // Without a place to go (the theme), back to where the form stood.
        if !response.headers().contains_key(header::LOCATION)
            && let Ok(page) = HeaderValue::from_str(&came_from)
        {
            response.headers_mut().insert(header::LOCATION, page);
        }
        *response.status_mut() = StatusCode::SEE_OTHER;
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return (parts, ()).into_response();
    }
    if matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) {
        return problem(&AppError::NotFound);
    }
    let body = to_bytes(response.into_body(), ERROR_BYTES).await.unwrap_or_default();
    match serde_json::from_slice::<AppError>(&body) {
        Ok(AppError::NotSignedIn) => {
            let next = serde_urlencoded::to_string([("next", &came_from)]).unwrap_or_default();
            Redirect::to(&format!("/sign-in?{next}")).into_response()
        }
        Ok(error) => problem(&error),
        Err(unreadable) => {
            problem(&AppError::broken(format!("a server function's error is unreadable: {unreadable}")))
        }
    }
}

/// An error for a script: its own status, which the framework does not know.
async fn refused(response: Response) -> Response {
    let body = to_bytes(response.into_body(), ERROR_BYTES).await.unwrap_or_default();
    let error = serde_json::from_slice(&body).unwrap_or_else(|unreadable| {
        AppError::broken(format!("a server function's error is unreadable: {unreadable}"))
    });
    (error.status(), [(header::CACHE_CONTROL, "private, no-store")]).into_response()
}

pub(super) fn problem(error: &AppError) -> Response {
    let page = Html(app::problem_page(error, super::assets::current()));
    let headers = [
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, app::content_security_policy(None)),
    ];
    (error.status(), headers, page).into_response()
}

/// The page the form stood on: the path of the `Referer`, which our referrer policy sends among our own pages only.
fn page_of(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let path = referer.and_then(|text| url::Url::parse(text).ok()).map(|url| match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    });
    path.filter(|path| !path.starts_with("//")).unwrap_or_else(|| "/".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_form_is_a_path_of_ours_whatever_the_referer_says() {
        for (referer, expected) in [
            (Some("https://undertone.example/tickets?label=negative#x"), "/tickets?label=negative"),
            (Some("https://undertone.example"), "/"),
            (Some("https://undertone.example//evil.example"), "/"),
            (Some("not an address"), "/"),
            (None, "/"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(referer) = referer {
                headers.insert(header::REFERER, referer.parse().unwrap());
            }
            assert_eq!(page_of(&headers), expected, "{referer:?}");
        }
    }
}
