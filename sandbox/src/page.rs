//! The small page each stand-in shows at `/`: create a ticket, watch notes and changes appear.
