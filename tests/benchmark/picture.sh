# The picture of README.md, tests/benchmark.svg, out of the page's first table. tests/benchmark/run sources this. Its colours
# are such as are readable on white and on black.

picture_file=tests/benchmark.svg

picture() {
    awk -F ' *[|] *' '
        NR == 1 {for (i = 3; i < NF; i++) name[i] = $i; next}
        NR == 2 || $2 ~ /^connect/ {next}
        {panels++; row[panels] = $0}
        function panel(n, x, y,   f, i, number, most, width, kind) {
            split(row[n], f, / *[|] */)
            title = f[2]
            sub(/, one task/, "", title)
            sub(/ at QoS 0, one/, ", one", title)
            unit = title ~ /bytes/ ? "" : "instructions per message"
            sub(/, bytes/, ": bytes", title)
            sub(/an idle/, "An idle", title); sub(/^publish/, "Publish", title); sub(/^receive/, "Receive", title)
            sub(/^there/, "There", title); sub(/^flash/, "Flash", title)
            printf "<text class=\"t\" x=\"%d\" y=\"%d\">%s</text>\n", x, y, title
            if (unit != "") printf "<text class=\"u\" x=\"%d\" y=\"%d\">%s</text>\n", x + 410, y, unit
            for (i = 3; i in name; i++) {
                number[i] = f[i]
                gsub(/[*,]/, "", number[i])
                if (number[i] != "–" && number[i] + 0 > most) most = number[i] + 0
            }
            for (i = 3; i in name; i++) {
                if (number[i] == "–") continue
                y += 20
                width = number[i] / most * 240
                kind = i == 3 ? "o" : "p"
                gsub(/[*]/, "", f[i])
                printf "<text class=\"%sn\" x=\"%d\" y=\"%d\">%s</text>", kind, x + 100, y + 3, name[i]
                printf "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"13\" rx=\"2\"/>", kind, x + 108, y - 8, width < 1 ? 1 : width
                printf "<text class=\"%sv\" x=\"%.1f\" y=\"%d\">%s</text>\n", kind, x + 114 + width, y + 3, f[i]
            }
        }
        END {
            high = 182
            rows = int((panels + 1) / 2)
            printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 880 %d\" width=\"880\" height=\"%d\" role=\"img\">\n", rows * high + 22, rows * high + 22
            print "<title>This client beside others: instructions per message, bytes of memory and flash; less is better</title>"
            print "<style>text{font:12px system-ui,-apple-system,\"Segoe UI\",Helvetica,Arial,sans-serif;fill:#768390}"
            print ".t{font-size:14px;font-weight:600}.u{text-anchor:end;font-size:11px}.on,.pn{text-anchor:end}"
            print ".on,.ov{font-weight:700;fill:#12936a}.o{fill:#17a57a}.p{fill:#768390;fill-opacity:.6}</style>"
            for (n = 1; n <= panels; n++) panel(n, n % 2 ? 10 : 460, 20 + int((n - 1) / 2) * high)
            printf "<text class=\"u\" x=\"870\" y=\"%d\">Less is better. How it was measured: tests/benchmark.md</text>\n", rows * high + 12
            print "</svg>"
        }'
}
