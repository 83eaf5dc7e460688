use leptos::prelude::*;

/// Line icons in a box of 20 × 20. Always beside a word, so hidden from screen readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Overview,
    Tickets,
    Clients,
    Activity,
    Setup,
    Policy,
    Prompt,
    Accuracy,
    Connections,
    Tokens,
    Settings,
    More,
    Search,
    Outside,
}

impl Icon {
    pub fn view(self) -> impl IntoView {
        view! { <svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d=self.path()/></svg> }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "M2 11C4 6.5 6 6.5 7.5 11S10 14 11 10L12.5 5L15 15L16.5 10.5H18",
            Self::Tickets => "M3 4.5H17M3 8.2H17M3 11.8H13M3 15.5H13",
            Self::Clients => {
                "M3 17V5L10 2.5V17M10 7.5L17 9.5V17M2 17H18M6 7V7.1M6 10.5V10.6M6 14V14.1M13.5 12V12.1M13.5 14.5V14.6"
            }
            Self::Activity => "M2.5 10H6L8 5L11.5 15L13.5 10H17.5",
            Self::Setup => "M4 17V3M4 3.8H15L12.5 7.4L15 11H4",
            Self::Policy => "M3 5.5H10M14 5.5H17M3 14.5H6M10 14.5H17M12 3.5V7.5M8 12.5V16.5",
            Self::Prompt => "M3 4H17V13.5H10L6.5 17V13.5H3ZM6.5 7.5H13.5M6.5 10H11",
            Self::Accuracy => "M10 3A7 7 0 1 0 17 10M10 6.5A3.5 3.5 0 1 0 13.5 10M10 10L17 3M13.5 3H17V6.5",
            Self::Connections => {
                "M7.5 12.5L12.5 7.5M8.5 6L10.8 3.7A3.9 3.9 0 0 1 16.3 9.2L14 11.5M11.5 14L9.2 16.3A3.9 3.9 0 0 1 3.7 10.8L6 8.5"
            }
            Self::Tokens => {
                "M9.2 9.2A3.8 3.8 0 1 0 4.2 13.6A3.8 3.8 0 0 0 9.2 9.2ZM9.4 10.2H17.5V13.2M14.3 10.2V12.4"
            }
            Self::Settings => {
                "M10 6.8A3.2 3.2 0 1 0 10 13.2A3.2 3.2 0 1 0 10 6.8ZM10 2V4.4M10 15.6V18M2 10H4.4M15.6 10H18M4.3 4.3L6 6M14 14L15.7 15.7M4.3 15.7L6 14M14 6L15.7 4.3"
            }
            Self::More => "M4.5 10H4.6M10 10H10.1M15.5 10H15.6",
            Self::Search => "M8.5 3.5A5 5 0 1 0 8.5 13.5A5 5 0 1 0 8.5 3.5ZM12.2 12.2L16.8 16.8",
            Self::Outside => "M8 4H4V16H16V12M11.5 3.5H16.5V8.5M16.2 3.8L9.5 10.5",
        }
    }
}
