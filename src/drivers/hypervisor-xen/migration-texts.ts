/**
 * What the two ends of `xl migrate` say to each other, besides the memory; all of it is fixed in xl.
 *
 *   receiver                              sender
 *   banner                   --->
 *                            <---         header, configuration, memory
 *   ready                    --->                                       (VM suspended, memory across)
 *                            <---         go
 *   report, one status byte  --->                                       (0: it runs)
 *   go, if the status was not 0: the sender may have its VM back
 */
export const bannerText = Buffer.from('xl migration receiver ready, send binary domain data.\n')
// The texts after the banner travel with the zero that ends a C string.
export const readyText = Buffer.from('domain received, ready to unpause\0')
export const goText = Buffer.from('domain is yours, you are cleared to unpause\0')
export const reportText = Buffer.from('my copy unpause results are as follows\0')
