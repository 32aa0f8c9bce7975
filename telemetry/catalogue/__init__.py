"""The contract with clients: event types, the shapes of their texts, and bytes into events, rows and receipts."""
