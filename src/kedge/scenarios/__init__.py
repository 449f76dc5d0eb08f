"""The failure-scenario engine: pure logic over monotone rules."""
