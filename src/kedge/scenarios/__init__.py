"""The failure-scenario engine: pure logic over monotone rules. docs/scenarios.md has the semantics."""
