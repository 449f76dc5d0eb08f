BEGIN TRANSACTION;
CREATE TABLE delivery (
	number INTEGER NOT NULL,
	letter VARCHAR(512) NOT NULL,
	channel TEXT NOT NULL,
	at DATETIME NOT NULL,
	is_accepted BOOLEAN NOT NULL,
	what TEXT NOT NULL,
	PRIMARY KEY (number),
	FOREIGN KEY(letter) REFERENCES outbox (id)
);
INSERT INTO "delivery" VALUES(1,'wiki-1/down/1/anna','sms anna','2007-01-06 19:00:00.000000',1,'it took it');
CREATE TABLE fact (
	number INTEGER NOT NULL,
	digest VARCHAR(64) NOT NULL,
	thing TEXT NOT NULL,
	what TEXT NOT NULL,
	value TEXT NOT NULL,
	at DATETIME NOT NULL,
	source VARCHAR(16) NOT NULL,
	"by" TEXT NOT NULL,
	how TEXT NOT NULL,
	vantage TEXT NOT NULL,
	shelf_life_us BIGINT,
	PRIMARY KEY (number),
	UNIQUE (digest)
);
INSERT INTO "fact" VALUES(1,'8008935d5ac1c3be19272893b64d9fc141c856dd671db4afd0007373f53fa251','wiki','backup','1','2007-01-06 19:00:01.000000','observed','anna','looked','home',NULL);
INSERT INTO "fact" VALUES(2,'b3d6096df869c412a7783c7bc5a407386c27a0a3579ea065a1933423e39f8a2f','wiki','console','öffnet sich nicht','2007-01-06 19:00:02.000000','observed','anna','looked','home',2592000000000);
CREATE TABLE incident (
	id VARCHAR(512) NOT NULL,
	thing TEXT NOT NULL,
	vantage TEXT NOT NULL,
	opened DATETIME NOT NULL,
	content TEXT NOT NULL,
	acknowledged TEXT NOT NULL,
	closed DATETIME,
	PRIMARY KEY (id)
);
INSERT INTO "incident" VALUES('wiki-1','wiki','home','2007-01-06 19:00:00.000000','{}','',NULL);
CREATE TABLE meta (
	"key" VARCHAR(64) NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema','3');
INSERT INTO "meta" VALUES('kedge','0.1.0');
CREATE TABLE outbox (
	number INTEGER NOT NULL,
	id VARCHAR(512) NOT NULL,
	incident TEXT NOT NULL,
	person TEXT NOT NULL,
	made DATETIME NOT NULL,
	due DATETIME NOT NULL,
	content TEXT NOT NULL,
	tries INTEGER NOT NULL,
	begun DATETIME,
	done DATETIME,
	outcome TEXT NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (id)
);
INSERT INTO "outbox" VALUES(1,'wiki-1/down/1/anna','wiki-1','anna','2007-01-06 19:00:00.000000','2007-01-06 19:00:00.000000','{}',1,NULL,'2007-01-06 19:00:00.000000','by sms anna: it took it');
CREATE TABLE run (
	number INTEGER NOT NULL,
	id VARCHAR(128) NOT NULL,
	"plan" TEXT NOT NULL,
	version TEXT NOT NULL,
	host TEXT NOT NULL,
	pid BIGINT NOT NULL,
	started DATETIME NOT NULL,
	state VARCHAR(16) NOT NULL,
	ended DATETIME,
	PRIMARY KEY (number),
	UNIQUE (id)
);
INSERT INTO "run" VALUES(1,'drill-wiki-1','{"drill": "wiki", "steps": ["fetch", "restore"]}','0.1.0','watch.example.org',4711,'2007-01-06 19:00:00.000000','stopped',NULL);
CREATE TABLE span (
	number INTEGER NOT NULL,
	thing TEXT NOT NULL,
	probe TEXT NOT NULL,
	vantage TEXT NOT NULL,
	first DATETIME NOT NULL,
	last DATETIME NOT NULL,
	n BIGINT NOT NULL,
	status VARCHAR(16) NOT NULL,
	what TEXT NOT NULL,
	evidence TEXT NOT NULL,
	took_us BIGINT NOT NULL,
	PRIMARY KEY (number)
);
INSERT INTO "span" VALUES(1,'wiki','http','home','2007-01-06 19:00:00.000000','2007-01-06 19:00:00.000000',1,'down','HTTP 500','{"code": "500"}',1000000);
CREATE TABLE step (
	run VARCHAR(128) NOT NULL,
	number INTEGER NOT NULL,
	name TEXT NOT NULL,
	state VARCHAR(16) NOT NULL,
	result TEXT NOT NULL,
	started DATETIME,
	ended DATETIME,
	PRIMARY KEY (run, number),
	FOREIGN KEY(run) REFERENCES run (id)
);
INSERT INTO "step" VALUES('drill-wiki-1',1,'fetch','unclear','','2007-01-06 19:00:00.000000',NULL);
INSERT INTO "step" VALUES('drill-wiki-1',2,'restore','waiting','',NULL,NULL);
CREATE TABLE verdict (
	thing VARCHAR(512) NOT NULL,
	probe VARCHAR(512) NOT NULL,
	vantage VARCHAR(512) NOT NULL,
	status VARCHAR(16) NOT NULL,
	since DATETIME NOT NULL,
	what TEXT NOT NULL,
	PRIMARY KEY (thing, probe, vantage)
);
INSERT INTO "verdict" VALUES('wiki','http','home','down','2007-01-06 19:00:00.000000','HTTP 500');
CREATE INDEX fact_newest ON fact (thing, what, at);
CREATE INDEX span_newest ON span (thing, probe, vantage, last);
CREATE INDEX incident_opened ON incident (opened);
CREATE INDEX outbox_due ON outbox (done, due);
CREATE INDEX delivery_letter ON delivery (letter);
COMMIT;
