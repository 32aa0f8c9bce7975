"""What several tests share: made events, a real server process, and an oracle that recounts the log by itself."""
