"""The protocol between a coordinator and its workers: messages, replies, replay after a loss; no mathematics."""
