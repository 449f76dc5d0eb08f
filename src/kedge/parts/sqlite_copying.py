"""What is run beside SQLite databases to copy them while they are in use: a shell script, and what it asks of python3.

Both programs do the same; the sqlite3 of Debian's package is asked where python3 is missing, or lacks its module.
"""

# $1 the folder, $2 room for copies, $3 the script for one database, $4 what python3 does for it, $5 its patience in
# seconds; the names come as standard input.
HOLD = """
cd -- "$1" && umask 077 && mkdir -p -- "$2/copies" "$2/owners" || exit 1
if python3 -I -c 'import sqlite3; sqlite3.Connection.backup' 2>/dev/null; then program=python3
elif command -v sqlite3 >/dev/null; then program=sqlite3
else program=none; fi
xargs -0 -r -n 1 sh -c "$3" sh "$2" "$program" "$4" "$5"
"""
# One database: $1 room for copies, $2 python3 or sqlite3, $3 what python3 does, $4 its patience, $5 the database. What
# became of it is one word.
ONE = r"""
export LC_ALL=C; room=$1 program=$2 python=$3 patience=$4 file=$5 copy=$1/copies/$5
# Nothing is run from the folder or a database, which may be anybody's: python3 -I, no settings of sqlite3's, and no
# constraints, in which `edit()` of sqlite3 would run any program.
leave() { rm -f -- "$copy" "$copy-wal" "$copy-shm" "$copy-journal"; printf '%s\0%s\0' "$1" "$file"; exit 0; }
if [ "$program" = python3 ]; then
  look() { python3 -I -c "$python" look "$file" 0; }
  read_all() { python3 -I -c "$python" read "$file" "$patience" "$copy"; }
  check() { python3 -I -c "$python" check "$copy" 0; }
else
  lite() { sqlite3 -batch -init /dev/null "$@"; }
  look() { lite -readonly "$file" 'PRAGMA user_version'; }
  read_all() {
    here=$PWD; cd -- "$room" && lite -readonly "$here/$file" ".timeout ${patience}000" BEGIN 'PRAGMA user_version' \
      '.backup taken' >/dev/null && mv -- taken "$copy"
  }
  check() { lite "$copy" 'PRAGMA trusted_schema=OFF' 'PRAGMA ignore_check_constraints=ON' 'PRAGMA quick_check(1)'; }
fi
is_wal() { [ "$(od -An -tu1 -j18 -N1 -- "$file" | tr -d ' ')" = 2 ]; }
state() { stat -c '%i %s %y %z %n' -- "$file" "$file-wal" "$file-journal" 2>/dev/null; :; }
touched() { find "$file" "$file-wal" "$file-journal" -maxdepth 0 -newerct '2 seconds ago' 2>/dev/null; }
# What is half changed is undone by its journal; who keeps none has locked it meanwhile.
is_whole() { is_wal || [ -s "$file-journal" ] || look >/dev/null 2>&1; }
copy_still() {
  [ -z "$(touched)" ] && before=$(state) && [ ! -L "$file" ] || return 1
  for end in '' -wal -journal; do
    [ ! -e "$file$end" ] || cp -P -- "$file$end" "$copy$end" || return 1
  done
  is_whole && [ "$(state)" = "$before" ]
}
# SQLite makes -wal and -shm where they are missing. Made by root, they get the owner of the database; made by another
# user they would keep the service from writing.
may_open() { ! is_wal || [ "$(id -u)" = 0 ] || [ -O "$file" ] || [ ! -w "${file%/*}" ]; }
copy_read() {
  rm -f -- "$copy" "$copy-wal" "$copy-journal"
  if may_open; then read_all; else echo foreign; false; fi
}
[ "$program" != none ] || leave bare
mkdir -p -- "${copy%/*}" || leave full
if ! copy_still; then
  said=$(copy_read 2>&1) || case $said in
    foreign) leave foreign ;;
    *"is locked"*) leave locked ;;
    *"is full"* | *"No space left"*) leave full ;;
    *"image is malformed"* | *"is not a database"*) leave broken ;;
    # Its writer has just died: what it left in its journal may be undone in a copy only.
    *"readonly database"*) sleep 3; copy_still || leave unreadable ;;
    *) leave unreadable ;;
  esac
fi
said=$(check 2>&1); code=$?
case $code$said in
  0ok) word=held ;;
  0*) word=damaged ;;
  *"malformed database schema"*) word=unchecked ;;
  *"image is malformed"* | *"is not a database"*) leave broken ;;
  *"is full"* | *"No space left"*) leave full ;;
  *) word=unchecked ;;
esac
[ ! -s "$copy-wal" ] || leave unreadable
rm -f -- "$copy-wal" "$copy-shm" "$copy-journal"
[ -e "$file" ] || leave gone
owner=$(stat -c '%U:%u,%G:%g' -- "$file") && cp --attributes-only --preserve=all -- "$file" "$copy" || leave unreadable
printf '%s\0' "$file" >> "$room/owners/$owner" &&
printf '%s\0' "$file" "$file-wal" "$file-shm" "$file-journal" >> "$room/left-out" || leave full
printf '%s\0%s\0' "$word" "$file"
"""
# Texts in a database may be of any bytes, and nobody is told them.
PYTHON = """
import os, sqlite3, sys
from urllib.parse import quote
what, file, patience, *copy = sys.argv[1:]
def open(name, how=""):
    name = "file:" + quote(os.path.abspath(os.fsencode(name))) + how
    opened = sqlite3.connect(name, timeout=float(patience), isolation_level=None, uri=True)
    opened.text_factory = bytes
    return opened
try:
    if what == "check":
        opened = open(file)
        opened.execute("PRAGMA trusted_schema=OFF")
        opened.execute("PRAGMA ignore_check_constraints=ON")
        print("ok" if opened.execute("PRAGMA quick_check(1)").fetchall() == [(b"ok",)] else "damaged")
    else:
        opened = open(file, "?mode=ro")
        opened.execute("BEGIN")
        opened.execute("PRAGMA user_version").fetchall()
    if what == "read":
        target = open(copy[0])
        target.execute("PRAGMA synchronous=OFF")
        opened.backup(target)
        target.close()
    opened.close()
except sqlite3.Error as failure:
    sys.exit(str(failure))
"""
