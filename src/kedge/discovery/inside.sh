# What a host is asked about its services. Read-only POSIX sh, run as whoever may log in; nothing is installed.
# Each answer is a part; its lines begin with a blank, those of files with ">" too: nothing on the host can pass for a
# heading. Values whose keys sound like passwords are hidden here and never travel. "!! X" says that X was refused.

deep() { echo "== $1"; shift; "$@" 2>/dev/null | head -c 300000 | sed 's/^/ /'; echo; }
has() { command -v "$1" >/dev/null 2>&1; }
brief() { if has timeout; then timeout -k 1 "$@"; else shift; "$@"; fi; }
quoted() { sed 's/^/>/'; echo; }

hide() {
    awk '{
        low = tolower($0)
        if (low ~ /(passw|passphrase|secret|token|api_?key|private_?key|_key|pwd|_pass)[a-z0-9_]*["'"'"' ]*[:=>,] *[^ ]/)
            sub(/[:=>,].*/, ": hidden")
        gsub(/:\/\/[^\/@ ]*@/, "://")
        print
    }'
}

show() {
    for f in "$@"; do
        if [ -f "$f" ] && [ -r "$f" ]; then
            printf '@@ %s\n' "$f"
            head -c 40000 "$f" | hide | quoted
        elif [ -e "$f" ] && ! [ -r "$f" ]; then
            printf '!! %s\n' "$f"
        fi
    done
}

show_lines() { # $1 which lines, $2 the file
    [ -e "$2" ] || return
    if ! [ -r "$2" ]; then printf '!! %s\n' "$2"; return; fi
    printf '@@ %s\n' "$2"
    grep -iE "$1" "$2" | head -n 200 | hide | quoted
}

processes() {
    mine=$(readlink /proc/self/ns/pid)
    for f in /proc/[0-9]*; do
        line=$(tr '\000\n\t' '\037  ' < "$f/cmdline" | head -c 400)
        [ -n "$line" ] || continue
        where=$(readlink "$f/ns/pid")
        group=$(sed -n '1{s/.*://;p;}' "$f/cgroup")
        [ -z "$where" ] || [ "$where" = "$mine" ] || group="contained $where $group"
        printf '%s\t%s\t%s\n' "${f#/proc/}" "$group" "$line"
    done
}

spaces() { # guests that share the kernel: what they are called, their addresses
    [ "$(id -u)" = 0 ] && has nsenter || return
    mine=$(readlink /proc/self/ns/pid)
    for f in /proc/[0-9]*; do
        where=$(readlink "$f/ns/pid") && [ "$where" != "$mine" ] && printf '%s %s\n' "$where" "${f#/proc/}"
    done | sort -u -k1,1 | head -n 30 | while read -r where pid; do
        name=$(nsenter -t "$pid" -u uname -n)
        addresses=$(nsenter -t "$pid" -n ip -o addr show scope global | awk '{ print $4 }' | tr '\n' ' ')
        printf '%s\t%s\t%s\n' "$where" "$name" "$addresses"
    done
}

label() { printf '{{.Label "com.docker.compose.%s"}}' "$1"; }

containers() {
    for engine in docker podman; do
        has $engine || continue
        brief 10 $engine ps -a --no-trunc --format "$engine	{{.Names}}	{{.Image}}	{{.State}}	{{.Ports}}	$(
            label project)	$(label service)" || echo "!! the containers of $engine"
    done
}

mounts() {
    for engine in docker podman; do
        has $engine && ids=$(brief 10 $engine ps -aq) && [ -n "$ids" ] || continue
        brief 10 $engine inspect \
            --format '{{.Name}}{{range .Mounts}}	{{.Type}} {{.Source}} {{.Destination}}{{end}}' $ids
    done
}

guests() {
    virsh list --all --name
    lxc-ls -1
    lxc list -c n --format csv
    pct list
    qm list
    machinectl list --no-legend
}

compose() {
    {
        for engine in docker podman; do
            has $engine && brief 10 $engine ps -a --format "$(label project.config_files)" | tr ',' '\n'
        done
        brief 8 find /srv /opt /root /home /etc /var/lib /usr/local -xdev -maxdepth 4 -type f \
            \( -name 'docker-compose*.y*ml' -o -name 'compose*.y*ml' \) -not -path '*/overlay2/*'
    } | sort -u | grep / | head -n 60 | while IFS= read -r f; do show "$f"; done
}

mysql_names() {
    for client in mariadb mysql; do
        has $client || continue
        brief 8 $client -N -B -e 'SHOW DATABASES' </dev/null && return
    done
    [ -d /var/lib/mysql ] || return
    if [ -r /var/lib/mysql ]; then
        for f in /var/lib/mysql/*/; do basename "$f"; done
    else
        echo '!! the databases of MariaDB or MySQL'
    fi
}

postgres_names() {
    q='SELECT datname FROM pg_database WHERE NOT datistemplate'
    if [ "$(id -u)" = 0 ]; then
        brief 8 su -s /bin/sh postgres -c "psql -AtqX -c \"$q\"" </dev/null
    else
        brief 8 psql -AtqX -c "$q" postgres </dev/null
    fi || echo '!! the databases of PostgreSQL'
}

vhosts() {
    words='</?VirtualHost|ServerName|ServerAlias|DocumentRoot|ProxyPass|server_name|root|proxy_pass|server[[:space:]]*[{]'
    for f in /etc/apache2/sites-enabled/* /etc/apache2/conf-enabled/* /etc/httpd/conf.d/*.conf \
        /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf; do
        show_lines "^[[:space:]]*($words)" "$f"
    done
    show /etc/caddy/Caddyfile
}

markers() {
    brief 12 find /var/www /srv /opt /usr/share /usr/local /etc /var/lib /home -xdev -maxdepth 5 -type f \( @MARKERS@ \) \
        -not -path '*/overlay2/*' -not -path '*/doc/*' -not -path '/usr/share/perl*' | head -n 200
}

settings() {
    words='.wg(DB(type|server|name)|Server|Sitename|UploadDirectory|ScriptPath) *='
    words="$words|define[(] *.DB_(NAME|HOST)|.(dbtype|dbname|dbhost|overwrite[.]cli[.]url|datadirectory). *=>"
    words="$words|Set[(] *.(Database(Type|Host|Name)|Web(BaseURL|Domain)|rtname)|(class|url) *[:=]|server_name *:"
    words="$words|VirtualHost|Component|zone |- *domain:|domain:|DB_TYPE|HOST *=|NAME *=|ROOT_URL|DOMAIN *="
    {
        markers
        ls /etc/request-tracker*/RT_SiteConfig.pm /etc/request-tracker*/RT_SiteConfig.d/*.pm /opt/rt*/etc/RT_SiteConfig.pm \
            /etc/mailman3/mailman.cfg /etc/prosody/prosody.cfg.lua /etc/prosody/conf.d/*.lua \
            /var/www/*/config/config.php /var/www/html/*/config/config.php /etc/gitea/app.ini /etc/forgejo/app.ini \
            /etc/bind/named.conf* /etc/named.conf /etc/knot/knot.conf /etc/nsd/nsd.conf
    } | sort -u | while IFS= read -r f; do show_lines "^[[:space:]]*($words)" "$f"; done
}

mail() {
    has postconf || return
    for key in myhostname mydestination virtual_mailbox_domains virtual_alias_domains relay_domains; do
        echo "$key = $(postconf -x -h $key)"
    done
}

cron() {
    show /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/* /var/spool/cron/*
    printf '@@ crontab of this user\n'
    crontab -l | hide | quoted
    for f in /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/*; do
        [ -f "$f" ] && grep -qE 'restic|borg|dump|duplicity|rsnapshot|kopia|rclone' "$f" && show "$f"
    done
}

backups() {
    show /etc/borgmatic/*.yaml /etc/borgmatic.d/*.yaml /root/.config/borgmatic/*.yaml /etc/restic/*.env \
        /etc/restic/*.conf /etc/default/restic* /etc/rsnapshot.conf
    grep -lE 'restic|borg|duplicity|kopia' /etc/systemd/system/*.service | while IFS= read -r f; do show "$f"; done
}

updates() {
    if has apt-get; then
        brief 15 apt-get -s -q -o Debug::NoLocking=1 upgrade | grep -c '^Inst'
    elif has dnf; then
        brief 15 dnf -q -C check-update | grep -c '^[a-z]'
    fi
}

deep user id -u
deep node uname -n
deep zone sh -c 'readlink -f /etc/localtime; cat /etc/timezone'
deep release cat /etc/os-release
deep addresses sh -c 'ip -o addr show || ifconfig -a'
deep sockets sh -c 'ss -Hltnup || netstat -ltnup'
deep processes processes
deep timers systemctl list-timers --all --no-legend --plain
deep spaces spaces
deep containers containers
deep container-mounts mounts
deep guests guests
deep compose compose
deep mysql mysql_names
deep postgres postgres_names
deep vhosts vhosts
deep markers markers
deep settings settings
deep mail mail
deep boxes sh -c 'doveconf -h mail_location'
deep cron cron
deep backups backups
deep updates updates
