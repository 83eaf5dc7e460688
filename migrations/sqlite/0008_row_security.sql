-- PostgreSQL alone has row security; see its file of this number. The number is kept, so that both have the same.
SELECT 1;
