SELECT
    tool, version, corpus, level, category, source, count, value_0, value_1, square_0, square_1, square_2, square_3,
    least, greatest
FROM benchmark_results
