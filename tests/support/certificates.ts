/** Certificates for tests, made by openssl when they are needed: nothing that expires lies in the repository. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** False where openssl is not installed: tests with certificates are then skipped. */
export function hasOpenssl(): boolean {
  return spawnSync("openssl", ["version"]).error === undefined;
}

/** Files of one certificate, and their texts. */
export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** As openssl writes it: "/O=Example/CN=device 7". */
  readonly subject: string;
  /** Lines of an extension file; empty: a certificate of version 1. Default: a name for this machine. */
  readonly extensions?: readonly string[];
  /** As YYYYMMDDHHMMSSZ. */
  readonly start?: string;
  readonly end?: string;
  /** Encrypts the key. */
  readonly password?: string;
}

const DEFAULT_EXTENSIONS = ["subjectAltName=DNS:localhost,IP:127.0.0.1"];
const FAR_END = "20991231235959Z";
const LONG_AGO = "20200101000000Z";

/** A folder for certificates; `remove` when the test is over. */
export class CertificateFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), "broker-certificates-"));
  #count = 0;

  /** A new authority, signed by itself. Authorities of the same name are different ones. */
  authority(name = "Test CA"): TestAuthority {
    return new TestAuthority(this, name);
  }

  /** Whoever has these files, whether or not it is an authority. */
  signer({ certFile, keyFile }: Pick<TestCertificate, "certFile" | "keyFile">): TestAuthority {
    return new TestAuthority(this, "", { certFile, keyFile });
  }

  file(suffix: string): string {
    return join(this.path, `${++this.#count}${suffix}`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class TestAuthority {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #folder: CertificateFolder;
  readonly #config: string;

  constructor(
    folder: CertificateFolder,
    name: string,
    from?: TestAuthority | Pick<TestCertificate, "certFile" | "keyFile">,
  ) {
    this.#folder = folder;
    this.#config = this.#writeConfig();
    if (from !== undefined && !(from instanceof TestAuthority)) {
      this.certFile = from.certFile;
      this.keyFile = from.keyFile;
      return;
    }
    const signer = from;
    this.keyFile = newKey(folder, undefined);
    if (signer === undefined) {
      this.certFile = folder.file("-ca.pem");
      openssl(
        ["req", "-x509", "-new", "-key", this.keyFile, "-subj", `/CN=${name}`],
        ["-days", "20000", "-out", this.certFile],
      );
      return;
    }
    const extensions = ["basicConstraints=critical,CA:true"];
    this.certFile = signer.sign(this.keyFile, { subject: `/CN=${name}`, extensions });
  }

  get cert(): string {
    return readFileSync(this.certFile, "utf8");
  }

  /** An authority that this one vouches for. */
  intermediate(name: string): TestAuthority {
    return new TestAuthority(this.#folder, name, this);
  }

  issue(request: CertificateRequest): TestCertificate {
    const keyFile = newKey(this.#folder, request.password);
    const certFile = this.sign(keyFile, request);
    const [cert, key] = [readFileSync(certFile, "utf8"), readFileSync(keyFile, "utf8")];
    return { certFile, keyFile, cert, key };
  }

  /** The file of the certificate. */
  sign(keyFile: string, request: CertificateRequest): string {
    const { subject, extensions = DEFAULT_EXTENSIONS, start, end, password } = request;
    const requestFile = this.#folder.file(".csr");
    const certFile = this.#folder.file(".pem");
    const passIn = password === undefined ? [] : ["-passin", `pass:${password}`];
    openssl(
      ["req", "-utf8", "-new", "-key", keyFile, "-subj", subject, "-out", requestFile],
      passIn,
    );
    const extensionFile = this.#folder.file(".ext");
    writeFileSync(extensionFile, extensions.join("\n"));
    openssl(
      ["ca", "-batch", "-notext", "-config", this.#config],
      ["-cert", this.certFile, "-keyfile", this.keyFile, "-in", requestFile, "-out", certFile],
      ["-startdate", start ?? LONG_AGO, "-enddate", end ?? FAR_END],
      extensions.length === 0 ? [] : ["-extfile", extensionFile],
    );
    return certFile;
  }

  /** From now on it stands in the lists that `revocationList` makes. */
  revoke({ certFile }: TestCertificate): void {
    openssl(
      ["ca", "-config", this.#config, "-cert", this.certFile, "-keyfile", this.keyFile],
      ["-revoke", certFile],
    );
  }

  /** The file of a new list. `end`: when the next one is due. */
  revocationList(end: string = FAR_END): string {
    const file = this.#folder.file("-crl.pem");
    openssl(
      ["ca", "-config", this.#config, "-cert", this.certFile, "-keyfile", this.keyFile],
      ["-gencrl", "-crl_lastupdate", LONG_AGO, "-crl_nextupdate", end, "-out", file],
    );
    return file;
  }

  #writeConfig(): string {
    const [database, number] = [this.#folder.file(".index"), this.#folder.file(".number")];
    writeFileSync(database, "");
    writeFileSync(`${database}.attr`, "unique_subject = no\n");
    writeFileSync(number, "01\n");
    const config = this.#folder.file(".cnf");
    const lines = [
      "[ca]",
      "default_ca = this",
      "[this]",
      `database = ${database}`,
      `crlnumber = ${number}`,
      `new_certs_dir = ${this.#folder.path}`,
      "rand_serial = yes",
      "default_md = sha256",
      "policy = any",
      "[any]",
      "organizationName = optional",
      "commonName = optional",
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    return config;
  }
}

function newKey(folder: CertificateFolder, password: string | undefined): string {
  const file = folder.file(".key");
  openssl(
    ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", file],
    password === undefined ? [] : ["-aes256", "-pass", `pass:${password}`],
  );
  return file;
}

function openssl(...parts: readonly (readonly string[])[]): void {
  execFileSync("openssl", parts.flat(), { stdio: ["ignore", "ignore", "pipe"] });
}
