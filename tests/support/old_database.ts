/**
 * A database as version 0.1.0 wrote it, before sessions had owners and identities methods: sessions "meter" of user
 * "alice", with subscription "t" (QoS 1) and two messages waiting, and "with will" of user "bob", both without an end;
 * "retained" is kept under "kept".
 */
import { gunzipSync } from "node:zlib";
import { Buffer } from "node:buffer";

const GZIPPED = `
H4sIAAAAAAACA+3cy28bRRzA8Rm/X+kWocgqUchcKtVVXWqHkhqhqklrSkQeTXAoOZm1vU5XcezE3iQULnElbkRcgA
uqhBBcEeLMhRMSZ/4HBKeAhAon2JeTOHIbWi40fD/endmd2cz8vLs+/FaO31iYMS1D1VvtNd1S4+K0CATENaWEECF7
TYkDMb9N+O2yt84ulEpisJC4+PEPQ9p9kUjuCu3LUz9pzVPnhz4dej71UepGcjf1rAAAAAD+r7rBeDQ9Oiq7y5ZeaR
htw9LNplHr1cnri8XJUlGVJqdmiqrXqs4llDJranquVLxZXFS3FqdnJxeX1evF5Qt2j9VaN6uqVHyrpObm7XVpZkYt
zU0vLBWd3kqrdldNzcxP7XcmMi8kIunro1KYzZrxTmejYecHZX3Tarn75d605VxvKzUXizhRb/hBVw1zywnaqxNHgv
ZaHxF0ItONRr3ToLsjms16w1y5Y/XqeN+IvdZjTsO6Xl01rPKhA3pv2OntWLqdBB3tSWTei0TTIyOyO+sGsmZ0OvpK
r4r1heE3HhNF26h3BgYw6Dp0U+Fo+swZ2e24s29sGptGzSujfXN7bcdMXblrGYPn7oXu9z00nJdD0fTZs/LehBtOZ7
PSqbbNdctsNQ9vR/pCO9zjBtixJ3O2BwVSNxuW0e6/VwdH47Qeen/qnD/sBX+MTCKjbk+XXptfKqnF+dvTN7qhgHcl
y17w3uF+FeoP2Y/w0aez2jCNpns/Pc5HKxuMpCdHHvbR8mcu5/yNsJ90i2UZTQ8Py+6wfxtaurMGj9yAlu7G3LQ7va
COhLylNzaNoyfGSeDFYxUAAAAAAOBpk3DSeu13YS8AAAAAAOBEJf3BkfiW0Xa+YzBk7wa0FaH9aBcAAAAAAODfWA2E
xVj31W3TuqO2zUbj7fibuzIc39//y6aJr3/9/v2xd6eE+s2td7797pPkwTHBSqsSz+UnLl6yXzl50BFyCtHQO5babr
VrnfMyJNJza4ZltD/cmS1LEXa3vTmu7Xlz7HhzJdz8/2ehPbALAAAAAADwdBsKjsn9JwaBWDAddx8KeN//3xP2AgAA
AAAATggtFNeUdfV+4Asp7czf8r7/XxPaN3YBAAAAAACe2M3PdmyBiJCim0q2X9n7U8pMxvnd/6x+ZXxiop7LZwu1fC
H7Yr5eyBaMy4XsS5cnrlwq6NX8eCEXicVi+bidq4uAsLZb3mjSH+1B/oNfnnA0KVpNw8n/xWmuEQAAAAAAJxn5PwAA
AAAA5P8AAAAAAOBk5P9S+0rYCwAAAAAA+E+4JcNiuPvcqrFuiXtXP5fZf/5///FkMjn+jAi5fxsUbcPSzaZR837//w
9hLwAAAAAA4ISJBofjzqOAvwEUfY4nAMAAAA==
`;

/** The bytes of its file. */
export function oldDatabase(): Uint8Array {
  return new Uint8Array(gunzipSync(Buffer.from(GZIPPED, "base64")));
}
