import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasOpenssl, type IssuedFiles, TriedAuthority } from "../kv/tried-certificates.ts";
import { certificateVerdict } from "./certificate-verdict.ts";

const DAY_MS = 86_400_000;

describe.runIf(hasOpenssl)("a certificate", () => {
  let authority: TriedAuthority;
  let other: TriedAuthority;
  let files: IssuedFiles;
  beforeAll(() => {
    [authority, other] = [new TriedAuthority(), new TriedAuthority()];
    files = authority.issue("kv");
  });
  afterAll(() => {
    authority.remove();
    other.remove();
  });

  function judged(changes: { [K in keyof IssuedFiles]?: string | undefined }, nowMs = Date.now()) {
    return certificateVerdict({ secretName: "kv-tls", files: { ...files, ...changes }, nowMs });
  }

  it("that will do says until when", () => {
    expect(judged({})).toEqual({
      isUsable: true,
      reason: undefined,
      message: expect.stringMatching(/^The certificate in Secret "kv-tls" of spec\.tls is valid until 20\d\d-.*Z$/),
    });
    expect(judged({ certificate: `${files.certificate}${other.certificate}` }).reason).toBeUndefined();
    expect(judged({ authority: `${other.certificate}${authority.certificate}` }).reason).toBeUndefined();
  });

  it("through one that comes along will do, also of an authority that is the certificate itself", () => {
    const extensions = ["basicConstraints=critical,CA:TRUE"];
    const between = authority.issue("between", { extensions });
    expect(judged({ ...between, authority: between.certificate }).reason).toBeUndefined();
  });

  it("that lacks something is missing", () => {
    const reasons = (["certificate", "key", "authority"] as const).map((name) => judged({ [name]: undefined }));
    expect(reasons.map(({ reason, message }) => [reason, /key "(.*)"/.exec(message)?.[1]])).toEqual([
      ["CertificateMissing", "tls.crt"],
      ["CertificateMissing", "tls.key"],
      ["CertificateMissing", "ca.crt"],
    ]);
    const none = certificateVerdict({ secretName: "kv-tls", files: undefined, nowMs: Date.now() });
    expect(none).toMatchObject({ reason: "CertificateMissing", message: 'Secret "kv-tls" of spec.tls does not exist' });
  });

  it("that is none, or with the key of another, is invalid", () => {
    expect(judged({ certificate: "nonsense" })).toMatchObject({ isUsable: false, reason: "CertificateInvalid" });
    expect(judged({ authority: "nonsense" }).message).toContain("ca.crt is no certificate in PEM");
    const broken = files.certificate.replace(/\n[^-]{8}/, "\nAAAAAAAA");
    expect(judged({ certificate: broken }).reason).toBe("CertificateInvalid");
    expect(judged({ key: "nonsense" }).reason).toBe("CertificateInvalid");
    expect(judged({ key: authority.issue("another").key }).message).toContain("the key is not that of the certificate");
  });

  it("of another authority is not trusted by other servers", () => {
    expect(judged({ authority: other.certificate })).toMatchObject({ isUsable: false, reason: "CertificateUntrusted" });
  });

  it("has its time, and warns before its end", () => {
    expect(judged({}, Date.now() - 3 * DAY_MS).reason).toBe("CertificateNotYetValid");
    expect(judged({}, Date.now() + 0.8 * DAY_MS).reason).toBeUndefined();
    expect(judged({}, Date.now() + 0.95 * DAY_MS)).toMatchObject({ isUsable: true, reason: "CertificateExpiring" });
    expect(judged({}, Date.now() + 1.1 * DAY_MS)).toMatchObject({ isUsable: false, reason: "CertificateExpired" });
  });

  it("meant for one end of a connection only will not do: servers connect to each other", () => {
    const meant = (uses: string) => judged(authority.issue("kv", { extensions: [`extendedKeyUsage=${uses}`] })).reason;
    expect(meant("serverAuth")).toBe("CertificateUnsuitable");
    expect(meant("clientAuth")).toBe("CertificateUnsuitable");
    expect(meant("serverAuth,clientAuth")).toBeUndefined();
  });
});
