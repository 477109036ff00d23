-- Where many visits are copied to before they are entered; gone with the transaction.
CREATE TEMPORARY TABLE visit_arriving (LIKE visit INCLUDING DEFAULTS) ON COMMIT DROP
