//! The read stage: fetch the ticket, find the customer's first note, prepare it, judge the scope.
