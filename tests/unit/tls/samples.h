/* samples: certificates, keys and requests that our own code does not make, as PEM; made with openssl(1) for these
 * tests and used nowhere else. */
#ifndef RINGSIDE_TESTS_UNIT_TLS_SAMPLES_H
#define RINGSIDE_TESTS_UNIT_TLS_SAMPLES_H

extern const char sample_root[];       /* P-256, no limit to its chain; lives to 2126 as all the others */
extern const char sample_middle[];     /* issued by root */
extern const char sample_leaf[];       /* a site's, issued by middle; those that follow by root */
extern const char sample_rsa[];        /* an RSA key */
extern const char sample_p224[];       /* a key on P-224 */
extern const char sample_sha1[];       /* signed over SHA-1 */
extern const char sample_p384[];       /* a key on P-384, signed over SHA-384 */
extern const char sample_plain[];      /* says nothing about its use */
extern const char sample_both[];       /* serverAuth and clientAuth, for both.example */
extern const char sample_mail[];       /* clientAuth and emailProtection */
extern const char sample_no_signing[]; /* clientAuth, but a key usage without digitalSignature */
extern const char sample_odd[];        /* serverAuth; an address of five octets, "good.example\0.bad!" and "*.a" */
extern const char sample_critical[];   /* a critical extension that nobody knows */
extern const char sample_twins[];      /* two CNs */
extern const char sample_control[];    /* a line feed in its CN */
extern const char sample_nameless[];   /* O=Ringside, no CN */
extern const char sample_key_root[];   /* root's */
extern const char sample_key_sec1[];   /* SEC1 */
extern const char sample_key_pkcs8[];  /* the same key as PKCS#8 */
extern const char sample_key_mixed[];  /* the private half of one key and the public half of another */
extern const char sample_key_locked[]; /* with a password */
extern const char sample_key_p224[];
extern const char sample_key_p256k1[]; /* the other curve of 256 bits */
extern const char sample_key_rsa[];
extern const char sample_request_rsa[];
extern const char sample_request_p224[];
extern const char sample_request_sha1[];  /* P-256, signed over SHA-1 */
extern const char sample_request_long[];  /* a CN of 65 bytes */
extern const char sample_request_twins[]; /* two CNs */
extern const char sample_request_nameless[];

#endif
